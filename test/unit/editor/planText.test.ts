import assert from "node:assert/strict";
import fc from "fast-check";
import { pathOfField, replacements, spanOf } from "../../../src/editor/planText";

function apply(text: string, wanted: unknown): string {
  return [...replacements(text, wanted)].sort((a, b) => b.offset - a.offset).reduce((result, { offset, length, text: by }) => result.slice(0, offset) + by + result.slice(offset + length), text);
}

const text = `{ "a" : [ {"to": 5,  "devices":[0]},
   {"from":5 }],   "own key": 1.50,
\t"predicted": { "ms": 12.5 } }\n`;

describe("changes in a document's text", () => {
  it("replace only the values that differ and keep every other byte", () => {
    const wanted = { a: [{ to: 7, devices: [0] }, { from: 7 }], "own key": 1.5, predicted: { ms: 12.5 } };
    assert.deepEqual(replacements(text, wanted).map((one) => [text.slice(one.offset, one.offset + one.length), one.text]), [["5", "7"], ["5", "7"]]);
    assert.equal(apply(text, wanted), text.replace('"to": 5', '"to": 7').replace('"from":5', '"from":7'));
  });

  it("are none for a document that says the same in other words", () => {
    assert.deepEqual(replacements('{"a":1.50,"b":1e-4,"c":"\\u0041"}', { a: 1.5, b: 0.0001, c: "A" }), []);
  });

  it("are one where keys come or go, between the first change and the last", () => {
    const lines = '{\n  "a": 1.0,\n  "b": { "c": 2.0 },\n  "d": 3.0\n}\n';
    const [only, ...others] = replacements(lines, { a: 1, b: { e: 4 }, d: 3 });
    assert.deepEqual(others, []);
    const changed = apply(lines, { a: 1, b: { e: 4 }, d: 3 });
    assert.ok(changed.startsWith('{\n  "a": 1.0,\n  "b": {') && changed.endsWith('},\n  "d": 3.0\n}\n'), changed);
    assert.ok(only.length < 12, `${only.length} characters are replaced`);
  });

  it("indent what is new as deep as what is old", () => {
    const deep = JSON.stringify({ a: { list: [{ x: 1 }] } }, null, 2);
    assert.equal(apply(deep, { a: { list: [{ x: 1 }, { x: 2 }] } }), JSON.stringify({ a: { list: [{ x: 1 }, { x: 2 }] } }, null, 2));
  });

  it("give the wanted document, whatever it was before", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), fc.nat(4), (before, wanted, indent) => {
      assert.deepEqual(JSON.parse(apply(JSON.stringify(before, null, indent), wanted)), JSON.parse(JSON.stringify(wanted)));
    }));
  });

  it("give a document with one value changed, somewhere within", () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.jsonValue())), fc.string(), fc.string(), fc.jsonValue(), (before, outer, inner, value) => {
      const wanted = Object.hasOwn(before, outer) ? { ...before, [outer]: { ...before[outer], [inner]: value } } : { ...before, [outer]: { [inner]: value } };
      assert.deepEqual(JSON.parse(apply(JSON.stringify(before, null, 2), wanted)), JSON.parse(JSON.stringify(wanted)));
    }));
  });
});

describe("places in a document's text", () => {
  const at = (field: string | undefined, of = text) => {
    const { offset, length } = spanOf(of, field);
    return of.slice(offset, offset + length);
  };
  it("finds a field by the path that errors name", () => {
    assert.deepEqual(pathOfField("chains[0].stages[12].from"), ["chains", 0, "stages", 12, "from"]);
    assert.equal(at("a[1].from"), "5");
    assert.equal(at("predicted.ms"), "12.5");
  });
  it("falls back to what holds the field, and to the start", () => {
    assert.equal(at("a[1].missing.deep"), '{"from":5 }');
    assert.equal(at("nothing"), "{");
    assert.equal(at(undefined, ""), "");
  });
  it("points at the first error of broken text", () => {
    assert.equal(at("a", '{"a": oops}'), "oops");
  });
});
