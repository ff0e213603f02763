import assert from "node:assert/strict";
import type { Profile } from "../../../src/model/profile";
import { byOperation, colouringOf, componentOf } from "../../../src/timeline/layout/colours";
import { layoutTimeline, type Layout, type Slice } from "../../../src/timeline/layout/lanes";
import { operation, timelineOf, twoStages } from "./builders";

const component = (name: string) => ({ name, after: [], layers: [] });
const profile: Profile = {
  format: "diffusionpipe.profile/1", model: { path: "", sha256: "" }, bindings: { height: 1, width: 1, sequenceLength: 1 }, device: { name: "", provider: "", precision: "", memoryBytes: 1 },
  chains: [{ id: "main", segments: [{ component: "controlnet", from: 0, to: 4 }, { component: "unet", from: 10, to: 16 }] }],
  components: ["vae", "unet", "controlnet"].map(component),
};

function slicesOf(layout: Layout): readonly Slice[] {
  return layout.lanes.flatMap(({ rows }) => rows.flat());
}

const microbatches = layoutTimeline(timelineOf(Array.from({ length: 40 }, (_, m) => operation({ op: "F", microbatch: m, startMs: m, endMs: m + 1 }))));

describe("what slices are told apart by", () => {
  it("is the operation at first", () => {
    const layout = layoutTimeline(twoStages());
    for (const slice of slicesOf(layout)) assert.equal(byOperation.lookOf(slice, layout.timeline).ink, slice.kind);
    assert.equal(new Set(byOperation.legend.map(({ letter, pattern }) => `${letter} ${pattern}`)).size, byOperation.legend.length, "each kind has a letter or pattern of its own");
    assert.deepEqual(byOperation.legend.filter(({ hasFoot }) => hasFoot).map(({ title }) => title), ["Backward"]);
  });

  it("gives neighbouring micro-batches another colour and another pattern, and forward and backward of one the same", () => {
    const { lookOf } = colouringOf("microbatch", [microbatches], profile);
    const looks = slicesOf(microbatches).map((slice) => lookOf(slice, microbatches.timeline));
    for (let m = 1; m < looks.length; m++) assert.ok(looks[m].ink !== looks[m - 1].ink && looks[m].pattern !== looks[m - 1].pattern);
    assert.equal(new Set(looks.slice(0, 30).map(({ ink, pattern }) => `${ink} ${pattern}`)).size, 30);
    const layout = layoutTimeline(twoStages());
    const two = colouringOf("microbatch", [layout], profile);
    const inkOfPass = (op: string, microbatch: number) => slicesOf(layout).filter(({ index = -1 }) => layout.timeline.operations[index]?.op === op && layout.timeline.operations[index].microbatch === microbatch).map((slice) => two.lookOf(slice, layout.timeline).ink);
    assert.deepEqual(inkOfPass("F", 0), inkOfPass("B", 0));
    assert.notDeepEqual(inkOfPass("F", 0), inkOfPass("F", 1));
  });

  it("leaves what belongs to no micro-batch without a colour, but with its pattern", () => {
    const layout = layoutTimeline(twoStages());
    const { lookOf, legend } = colouringOf("microbatch", [layout], profile);
    const fill = slicesOf(layout).find(({ kind }) => kind === "fill");
    assert.ok(fill);
    assert.deepEqual([lookOf(fill, layout.timeline).ink, lookOf(fill, layout.timeline).pattern], ["neutral", "diagonal"]);
    assert.deepEqual(legend.map(({ title }) => title), ["Micro-batch 0", "1", "Backward", "Fill (frozen work)", "Communication", "Optimizer", "Idle"]);
  });

  it("does not list dozens of micro-batches", () => {
    assert.deepEqual(colouringOf("microbatch", [microbatches], profile).legend.slice(0, 5).map(({ title }) => title), ["Micro-batch 0", "1", "2", "3", "… 39"]);
  });

  it("knows the component of a pass from the layers of its chain", () => {
    const pass = (from: number, to: number) => componentOf(operation({ op: "F", chain: "main", layers: [from, to], startMs: 0, endMs: 1 }), profile);
    assert.deepEqual([pass(0, 4), pass(4, 10), pass(3, 5)], ["controlnet", "unet", "controlnet + unet"]);
    assert.equal(componentOf(operation({ op: "FILL", component: "vae", layers: [0, 1], startMs: 0, endMs: 1 }), profile), "vae");
    assert.equal(componentOf(operation({ op: "OPTIM", startMs: 0, endMs: 1 }), profile), undefined);
  });

  it("lists the components that are there, each with its own look whatever the others do", () => {
    const looksOf = (...ranges: readonly (readonly [number, number])[]) => colouringOf("component", [layoutTimeline(timelineOf(ranges.map((layers, i) => operation({ op: "F", chain: "main", layers, startMs: i, endMs: i + 1 }))))], profile).legend;
    const trained = (legend: ReturnType<typeof looksOf>) => legend.filter(({ ink }) => typeof ink === "number");
    assert.deepEqual(trained(looksOf([0, 4], [4, 10])).map(({ title }) => title), ["controlnet", "unet"]);
    const mixed = trained(looksOf([0, 5], [5, 10]));
    assert.deepEqual(mixed.map(({ title }) => title), ["unet", "controlnet + unet"]);
    assert.deepEqual(mixed[0], trained(looksOf([0, 4], [4, 10]))[1]);
  });
});
