import assert from "node:assert/strict";
import fc from "fast-check";
import { inspectDocument, inspectModel } from "../../src/app/inspect";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { bytesOf, cheapest, Cuts } from "../../webview/model/cuts";
import { layersOf, rowsOf, type Arrangement } from "../../webview/model/rows";
import { restoredModelState } from "../../webview/model/state";
import { wordsOf } from "../../webview/table/search";
import { inspectionOf } from "./modelDocument";

const everything: Arrangement = { collapsed: new Set(), grouped: false, opened: new Set(), query: "" };

describe("the rows of the model view", () => {
  it("hold every layer once, however they are arranged", () => {
    const inspection = inspectionOf({ layers: 30 });
    const keys = rowsOf(inspection, everything).rows.filter(({ kind }) => kind === "repeat").map(({ key }) => key);
    fc.assert(fc.property(fc.boolean(), fc.subarray(["text_encoder", "unet"]), fc.subarray(keys), (grouped, collapsed, opened) => {
      const { rows, found, total } = rowsOf(inspection, { ...everything, grouped, collapsed: new Set(collapsed), opened: new Set(opened) });
      assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length, "keys are unique");
      const outer = rows.filter(({ level }) => level === 2).flatMap((row) => layersOf(row).map(({ name }) => `${row.component.name}/${name}`));
      const expected = inspection.components.flatMap(({ name, layers }) => (collapsed.includes(name) ? [] : layers.map((layer) => `${name}/${layer.name}`)));
      assert.deepEqual(outer, expected);
      assert.deepEqual([found, total], [36, 36]);
    }));
  });

  it("are, in a search, the layers that hold every word, and no others", () => {
    const inspection = inspectionOf({ layers: 30 });
    const words = fc.array(fc.constantFrom("down", "up.1", "res", "ATTENTION", "layers", "unet", "zzz", "1"), { maxLength: 3 });
    fc.assert(fc.property(words, (chosen) => {
      const query = chosen.join(" ");
      const { rows, found } = rowsOf(inspection, { ...everything, collapsed: new Set(["unet"]), grouped: true, query });
      if (chosen.length === 0) return;
      const shown = rows.flatMap((row) => (row.kind === "layer" ? [`${row.component.name}/${row.layer.name}`] : []));
      const holds = (text: string) => chosen.every((word) => text.includes(word.toLowerCase()));
      const expected = inspection.components.flatMap(({ name, layers }) => layers.filter((layer) => holds(`${name} ${layer.name} ${layer.kind}`)).map((layer) => `${name}/${layer.name}`));
      assert.deepEqual(shown, expected);
      assert.equal(found, expected.length);
    }));
    assert.deepEqual(wordsOf("  A  b "), ["a", "b"]);
  });

  it("say their place among their siblings", () => {
    const { rows } = rowsOf(inspectionOf(), { ...everything, grouped: true, opened: new Set(["text_encoder/layers.0×"]) });
    const placed = rows.slice(0, 4).map(({ level, position, siblings }) => [level, position, siblings]);
    assert.deepEqual(placed, [[1, 1, 2], [2, 1, 1], [3, 1, 6], [3, 2, 6]]);
  });
});

describe("the cuts of the model view", () => {
  it("are crossed by the tensors whose bytes are the layer's figure", async () => {
    for (const choice of [{}, { train: ["text_encoder"] }]) {
      const inspection = inspectDocument(await inspectModel(nodeFiles, "media/sample/model", choice));
      const cuts = new Cuts(inspection);
      for (const { name, layers } of inspection.components) {
        for (const layer of layers) {
          const crossing = cuts.crossing({ component: name, layer: layer.name });
          assert.equal(crossing.reduce((sum, tensor) => sum + bytesOf(tensor), 0), layer.cutBytesPerSample.forward, `${name}/${layer.name}`);
        }
      }
    }
  });

  it("are marked near each eighth of the work, where nothing near that eighth is cheaper", () => {
    const chains = fc.array(fc.record({ bytes: fc.nat(50), flops: fc.integer({ min: 1, max: 9 }) }), { minLength: 2, maxLength: 60 });
    fc.assert(fc.property(chains, (layers) => {
      const flops = layers.map((layer) => layer.flops);
      const bytes = layers.slice(0, -1).map((layer) => layer.bytes);
      const total = flops.reduce((a, b) => a + b, 0);
      const before = bytes.map((_, cut) => flops.slice(0, cut + 1).reduce((a, b) => a + b, 0));
      const found = cheapest(bytes, flops);
      assert.ok(found.size <= 7);
      if (new Set(bytes).size === 1) return assert.equal(found.size, 0);
      for (let eighth = 1; eighth < 8; eighth++) {
        const near = before.flatMap((work, cut) => (Math.abs(work - (eighth * total) / 8) <= total / 16 ? [cut] : []));
        const least = Math.min(...near.map((cut) => bytes[cut]));
        if (near.length > 0) assert.ok(near.some((cut) => found.has(cut) && bytes[cut] === least), `eighth ${eighth}`);
      }
    }));
  });

  it("of a chain over two components have one scale", () => {
    const cuts = new Cuts(inspectionOf({ trained: true }));
    assert.equal(cuts.after({ component: "text_encoder", layer: "layers.5" })?.isEnd, false);
    assert.equal(cuts.after({ component: "text_encoder", layer: "layers.5" })?.most, cuts.after({ component: "unet", layer: "down.3" })?.most);
    assert.equal(new Cuts(inspectionOf()).after({ component: "text_encoder", layer: "layers.5" })?.isEnd, true);
    assert.equal(cuts.after({ component: "unet", layer: "nowhere" }), undefined);
  });
});

describe("what the model view keeps", () => {
  it("comes back as it was, and never as something else", () => {
    const state = { path: "/m", bindings: { height: 8, width: 8, sequenceLength: 1, frames: 2 }, collapsed: ["a"], opened: ["b×"], grouped: false, query: "q", active: "a/b", scrollTop: 7 };
    assert.deepEqual(restoredModelState(JSON.parse(JSON.stringify(state))), state);
    fc.assert(fc.property(fc.anything(), (value) => {
      const restored = restoredModelState(value);
      assert.deepEqual(restoredModelState(restored), restored);
      assert.ok(Array.isArray(restored.opened) && typeof restored.grouped === "boolean" && typeof restored.query === "string" && restored.scrollTop >= 0);
    }));
  });
});
