import assert from "node:assert/strict";
import fc from "fast-check";
import { placeLanes, sliceOf, type Placement, type SlicePlace } from "../../../src/timeline/layout/geometry";
import { layoutTimeline } from "../../../src/timeline/layout/lanes";
import { findSlices, isEmpty, isSamePlace, parseQuery, stepThrough } from "../../../src/timeline/layout/search";
import { predictPlan } from "../../../src/plan/predict";
import { contextOf } from "../../../src/simulate/context";
import { clusterOf, planOf, profile } from "../../webview/documents";

const { timeline } = predictPlan(planOf(2, 4), contextOf(profile, clusterOf(2)));
const layouts = [layoutTimeline(timeline)];
const placement = placeLanes(layouts, { compute: 20, communication: 10, gap: 2, deviceGap: 6 });
const find = (query: string) => findSlices(query, placement, layouts, profile);
/** What was found, as "F3 device 0". */
const found = (query: string) => new Set(find(query).places.map((place) => {
  const { index } = sliceOf(placement, place) ?? {};
  const { device } = placement.lanes[place.lane].lane;
  if (index === undefined) return `idle device ${device}`;
  const { op, microbatch = "" } = timeline.operations[index];
  return `${op}${microbatch} device ${device}`;
}));
const every = (placed: Placement): SlicePlace[] => placed.lanes.flatMap(({ lane: { rows } }, lane) => rows.flatMap((slices, row) => slices.map((_, slice) => ({ lane, row, slice }))));

describe("searching a timeline", () => {
  it("understands letters, numbers, quotes and words", () => {
    assert.deepEqual(parseQuery('F3 device:1 "unet/conv_in" Mid.Attention'), { numbers: [{ field: "device", value: 1 }, { field: "microbatch", value: 3 }], operations: ["F"], names: ["unet/conv_in"], words: ["mid.attention"] });
    assert.deepEqual(parseQuery("mb 3").numbers, [{ field: "microbatch", value: 3 }]);
    assert.deepEqual(parseQuery("micro-batch=3"), parseQuery("mb3"));
    assert.deepEqual(parseQuery("stage 1 gpu 0").numbers, [{ field: "stage", value: 1 }, { field: "device", value: 0 }]);
    assert.deepEqual(parseQuery("embedding mb.0").words, ["embedding", "mb.0"], "parts of names are no fields");
    assert.ok(isEmpty(parseQuery(' "" ')));
  });

  it("finds an operation by its letter and micro-batch, on each device that computes it", () => {
    assert.deepEqual(found("F3"), new Set(["F3 device 0", "F3 device 1"]));
    assert.deepEqual(found("f3 device 1"), new Set(["F3 device 1"]));
    assert.deepEqual(found("mb 2 backward"), new Set(["B2 device 0", "B2 device 1"]));
    assert.deepEqual(found("b stage 0 mb 1"), new Set(["B1 device 0"]));
  });

  it("finds passes and frozen work by layer and by component", () => {
    assert.deepEqual(found("conv_out f0"), new Set(["F0 device 1"]), "the last stage has the last layer");
    assert.deepEqual(found("down.0.resnet.0 f"), new Set([0, 1, 2, 3].map((m) => `F${m} device 0`)));
    assert.deepEqual(found("text_encoder"), new Set(["FILL device 1", "REDISTRIBUTE device 0", "REDISTRIBUTE device 1"]));
    assert.deepEqual(found("vae down"), found("vae frozen"), "every part of the VAE's work here holds one of its down layers");
    assert.deepEqual(found('"text_encoder/layer.1"'), new Set(["FILL device 1"]), "layer.1, not layer.10");
    assert.deepEqual(found('"unet/conv_in" mb 0'), new Set(["F0 device 0", "B0 device 0"]));
    assert.deepEqual(found("unet resnet attention f1"), new Set(), "all words in one layer's name");
  });

  it("finds idle time and messages, and nothing where there is nothing", () => {
    assert.ok([...found("idle")].every((text) => text.startsWith("idle")));
    assert.ok(found("bubble").size > 0);
    assert.deepEqual(found("send mb 0"), new Set(["SEND0 device 0", "SEND0 device 1"]));
    assert.deepEqual(found("optimizer"), new Set(["OPTIM device 0", "OPTIM device 1"]));
    assert.equal(found("no such thing").size, 0);
    assert.equal(find("").places.length, 0);
    assert.equal(find("device 7").places.length, 0);
  });

  it("gives places in the order of time, and the same ones by row", () => {
    fc.assert(fc.property(fc.constantFrom("f", "b0", "unet", "device 1", "idle", "mb 2", "vae", "resnet", "receive"), (query) => {
      const { places, rows } = find(query);
      const starts = places.map((place) => sliceOf(placement, place)?.startMs ?? NaN);
      assert.ok(starts.every((start, i) => i === 0 || start >= starts[i - 1]));
      const byRow = rows.flatMap((lane, l) => lane.flatMap((slices, r) => slices.map((slice) => `${l} ${r} ${slice}`)));
      assert.deepEqual(byRow.sort(), places.map(({ lane, row, slice }) => `${lane} ${row} ${slice}`).sort());
    }));
  });

  it("narrows with every word", () => {
    fc.assert(fc.property(fc.subarray(["f", "mb 1", "device 0", "unet", "resnet", "stage 0"], { minLength: 1 }), fc.constantFrom("mb 1", "device 0", "unet", "forward"), (words, more) => {
      const wide = find(words.join(" ")).places;
      for (const place of find([...words, more].join(" ")).places) assert.ok(wide.some((other) => isSamePlace(other, place)));
    }));
  });

  it("steps through all matches and round the ends, from anywhere", () => {
    const { places } = find("f");
    const all = every(placement);
    fc.assert(fc.property(fc.option(fc.nat(all.length - 1)), fc.constantFrom<1 | -1>(1, -1), (start, step) => {
      const seen = new Set<number>();
      let at: SlicePlace | undefined = start === null ? undefined : all[start];
      for (let turn = 0; turn < places.length; turn++) {
        const next = stepThrough(places, placement, at, step);
        assert.ok(next !== undefined);
        seen.add(next);
        at = places[next];
      }
      assert.equal(seen.size, places.length);
    }));
    assert.equal(stepThrough([], placement, undefined, 1), undefined);
    assert.equal(stepThrough(places, placement, places[3], 1), 4);
    assert.equal(stepThrough(places, placement, places[3], -1), 2);
  });
});
