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
    const wanted = { a: [{ to: 7, devices: [0] }, { from: 7 }], predicted: { ms: 12.5 } };
    assert.deepEqual(replacements(text, wanted).map((one) => [text.slice(one.offset, one.offset + one.length), one.text]), [["5", "7"], ["5", "7"]]);
    assert.equal(apply(text, wanted), text.replace('"to": 5', '"to": 7').replace('"from":5', '"from":7'));
  });

  it("are none for a document that says the same in other words", () => {
    assert.deepEqual(replacements('{"a":1.50,"b":1e-4,"c":"\\u0041"}', { a: 1.5, b: 0.0001, c: "A" }), []);
  });

  it("give the wanted document, whatever it was before", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), fc.nat(4), (before, wanted, indent) => {
      assert.ok(holds(JSON.parse(apply(JSON.stringify(before, null, indent), wanted)), JSON.parse(JSON.stringify(wanted))));
    }));
  });
});

/** Whether `result` is `wanted`, but for keys of its own. */
function holds(result: unknown, wanted: unknown): boolean {
  if (typeof result !== "object" || typeof wanted !== "object" || result === null || wanted === null) return result === wanted;
  if (Array.isArray(result) !== Array.isArray(wanted) || (Array.isArray(result) && Array.isArray(wanted) && result.length !== wanted.length)) return false;
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(result, key) && holds((result as Record<string, unknown>)[key], value));
}

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
