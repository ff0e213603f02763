import assert from "node:assert/strict";
import fc from "fast-check";
import type { Profile } from "../../src/model/profile";
import { columnIds, comparing, sortedFirst } from "../../webview/profile/columns";
import { rowsAsText } from "../../webview/profile/copy";
import { layersOf, ProfileRows, type Arrangement, type Row } from "../../webview/profile/rows";
import { restoredProfileState } from "../../webview/profile/state";
import { parsedCsv } from "../tools/parsedCsv";
import { profileOf } from "./profileDocument";

const everything: Arrangement = { batch: 4, unit: "pass", sorting: sortedFirst("order"), grouped: true, collapsed: new Set(), query: "" };
const sortings = fc.record({ column: fc.constantFrom(...columnIds), descending: fc.boolean() });
const words = fc.array(fc.constantFrom("block", "layers", "UNET", "text", "1", ".2", "zzz"), { maxLength: 3 });
const profiles = fc.record({ layers: fc.integer({ min: 1, max: 30 }), unmeasured: fc.nat(3), outOfMemory: fc.constantFrom(undefined, "block.0", "block.5") }).map(profileOf);
const namesIn = (rows: readonly Row[]) => rows.flatMap((row) => (row.kind === "layer" ? [`${row.component.name}/${row.layer.name}`] : []));
const allOf = ({ components }: Profile) => components.flatMap(({ name, layers }) => layers.map((layer) => ({ component: name, layer })));

describe("the rows of the profile view", () => {
  it("hold every layer that is searched for once, however they are sorted and grouped", () => {
    fc.assert(fc.property(profiles, sortings, fc.boolean(), words, (profile, sorting, grouped, chosen) => {
      const { rows, found, total } = new ProfileRows(profile).arrange({ ...everything, sorting, grouped, query: chosen.join(" ") });
      assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length, "keys are unique");
      const expected = allOf(profile).map(({ component, layer }) => `${component}/${layer.name}`).filter((name) => chosen.every((word) => name.replace("/", " ").includes(word.toLowerCase())));
      assert.deepEqual([...namesIn(rows)].sort(), [...expected].sort());
      assert.deepEqual([found, total], [expected.length, allOf(profile).length]);
    }), { seed: 21 });
  });

  it("come in order, components among each other and layers within them, with what has no figure last", () => {
    fc.assert(fc.property(profiles, sortings, fc.boolean(), fc.constantFrom(1, 2, 4), (profile, sorting, grouped, batch) => {
      const { rows } = new ProfileRows(profile).arrange({ ...everything, batch, sorting, grouped });
      const lists = grouped ? [rows.filter(({ kind }) => kind === "component"), ...profile.components.map(({ name }) => rows.filter((row) => row.kind === "layer" && row.component.name === name))] : [rows];
      for (const list of lists) {
        for (let index = 1; index < list.length; index++) {
          const [before, after] = [list[index - 1].figures[sorting.column], list[index].figures[sorting.column]];
          if (before === undefined || after === undefined) assert.equal(after, undefined, "nothing comes before something");
          else if (typeof before === "number" && typeof after === "number") assert.ok(sorting.descending ? before >= after : before <= after);
          if (before === after) assert.ok(list[index - 1].figures.order < list[index].figures.order, "equals stay in the model's order");
        }
      }
    }), { seed: 22 });
  });

  it("have names in the order in which people count", () => {
    const rows = ["b.10", "b.9", "a"].map((name, order) => ({ figures: { order, name, parameters: 0, saved: 0 } }));
    assert.deepEqual(rows.sort(comparing({ column: "name", descending: false })).map(({ figures }) => figures.name), ["a", "b.9", "b.10"]);
  });

  it("add up: each component and all are the sums of the layers found that have a time", () => {
    fc.assert(fc.property(profiles, fc.constantFrom(1, 2, 4), fc.constantFrom("pass" as const, "sample" as const), words, (profile, batch, unit, chosen) => {
      const { rows, all, longest } = new ProfileRows(profile).arrange({ ...everything, batch, unit, query: chosen.join(" ") });
      const layers = rows.filter(({ kind }) => kind === "layer");
      const near = (a: number, b: number, what: string) => assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${what}: ${a}, not ${b}`);
      for (const sum of [all, ...rows.filter((row) => row.kind === "component")]) {
        const own = layers.filter((row) => sum === all || row.component.name === sum.figures.name);
        for (const column of ["forward", "inputGrad", "weightGrad", "total", "parameters", "saved"] as const) near(sum.figures[column] ?? 0, own.reduce((total, row) => total + (row.figures[column] ?? 0), 0), column);
        assert.equal(sum.failed, own.filter(({ figures }) => figures.total === undefined).length);
        assert.equal(sum.layers.length, own.length);
      }
      assert.equal(longest, Math.max(0, ...layers.map(({ figures }) => figures.total ?? 0)));
      // Every time of these profiles is in proportion to the batch, so that a sample takes what batch 1 takes.
      if (unit === "sample") for (const row of layers) if (row.kind === "layer" && row.at.origin === "measured" && row.figures.forward !== undefined) near(row.figures.forward, row.layer.times.find((time) => time.batch === 1)?.forwardMs ?? NaN, row.key);
    }), { seed: 23 });
  });

  it("close and say their place among their siblings", () => {
    const { rows } = new ProfileRows(profileOf({ layers: 3 })).arrange({ ...everything, collapsed: new Set(["text_encoder"]) });
    assert.deepEqual(rows.map(({ key, level, position, siblings }) => [key, level, position, siblings]), [
      ["text_encoder", 1, 1, 2], ["unet", 1, 2, 2], ["unet/block.0", 2, 1, 3], ["unet/block.1", 2, 2, 3], ["unet/block.2", 2, 3, 3],
    ]);
    assert.deepEqual(rows.map((row) => layersOf(row).length), [6, 3, 1, 1, 1]);
  });

  it("are copied as a table with all their digits", () => {
    const { rows } = new ProfileRows(profileOf({ layers: 2 })).arrange({ ...everything, batch: 2, unit: "sample" });
    const [head, ...lines] = parsedCsv(rowsAsText(rows, 2, "sample"), "\t");
    assert.equal(lines.length, rows.length);
    const row = Object.fromEntries(head.map((title, index) => [title, lines[lines.length - 1][index]]));
    assert.deepEqual([row.component, row.layer, row.batch, row.forward_ms_per_sample, row.total_ms_per_sample, row.times], ["unet", "block.1", "2", "2", "7", "F measured"]);
  });
});

describe("what the profile view keeps", () => {
  it("comes back as it was, and never as something else", () => {
    const state = { batch: 4, unit: "sample", sorting: { column: "rate", descending: true }, grouped: false, collapsed: ["a"], query: "q", active: "a/b", scrollTop: 7 };
    assert.deepEqual(restoredProfileState(JSON.parse(JSON.stringify(state))), state);
    fc.assert(fc.property(fc.anything(), (value) => {
      const restored = restoredProfileState(value);
      assert.deepEqual(restoredProfileState(restored), restored);
      assert.ok(columnIds.includes(restored.sorting.column) && Array.isArray(restored.collapsed) && restored.scrollTop >= 0);
    }), { seed: 24 });
  });
});
