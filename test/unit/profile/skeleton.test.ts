import assert from "node:assert/strict";
import { readProgressLine, timesByLayer } from "../../../src/app/profileOn";
import { profileFormat } from "../../../src/formats/profile";
import type { LayerTime, Profile } from "../../../src/model/profile";
import { recordTimes } from "../../../src/profile/record";
import { profileSkeleton } from "../../../src/profile/skeleton";
import { modelOf, productLayer } from "./layers";

const device = { name: "d", provider: "p", precision: "fp32", memoryBytes: 1 };
const bound = modelOf([productLayer(64, { needsInputGrad: false }), productLayer(128)]);
const time = (batch: number, more: Partial<LayerTime> = {}): LayerTime => ({ batch, forwardMs: batch, inputGradMs: 2 * batch, weightGradMs: 3 * batch, source: "measured", ...more });

/** What a target would send back. */
function measured(times: readonly LayerTime[]): Profile {
  const skeleton = profileSkeleton(bound, device);
  return { ...skeleton, components: skeleton.components.map((component) => ({ ...component, layers: component.layers.map((layer) => ({ ...layer, times })) })) };
}

describe("a profile's skeleton", () => {
  it("is a whole profile but for the times", () => {
    const skeleton = profileSkeleton(bound, { precision: "fp32" });
    assert.deepEqual(skeleton.device, { precision: "fp32" });
    assert.equal(skeleton.components.flatMap(({ layers }) => layers).some((layer) => "times" in layer), false);
    assert.equal(profileFormat.schema.safeParse(skeleton).success, false);
    assert.equal(profileFormat.schema.safeParse(measured([time(1)])).success, true);
    const [first] = skeleton.components[1].layers;
    assert.deepEqual([first.paramBytes, first.gradBytes, first.needsInputGrad, first.needsWeightGrad], [64 * 64 * 4, 64 * 64 * 4, false, true]);
    assert.equal(skeleton.components[0].layers[0].gradBytes, 0);
  });
});

describe("a profile from a target", () => {
  it("takes nothing but times from what came back", () => {
    const back = measured([time(1), time(2)]);
    const hostile: Profile = { ...back, model: { path: "/elsewhere", sha256: "" }, chains: [], tensors: undefined, components: back.components.map((component) => ({ ...component, class: "Other", layers: component.layers.map((layer) => ({ ...layer, paramBytes: 1 })) })) };
    assert.deepEqual(recordTimes(bound, timesByLayer(bound, hostile, "far"), { runtimeVersion: "torch 1", device }), { ...back, runtimeVersion: "torch 1" });
  });

  it("is refused where a layer is missing or another one", () => {
    const back = measured([time(1)]);
    assert.throws(() => timesByLayer(bound, { ...back, components: back.components.slice(0, 1) }, "far"), /far: model\.profile\.json: components\[1\]\.layers\[0\]: .*no times for net product\.64/);
  });

  it("gives a layer that could not be measured an estimate at the others' rate, and keeps why", () => {
    const times = new Map([...timesByLayer(bound, measured([time(1)]), "far")]);
    const failed = bound.components[1].layers[1];
    times.set(failed, [time(1, { forwardMs: 0, inputGradMs: 0, weightGradMs: 0, status: "oom", message: "too large" })]);
    const recorded = recordTimes(bound, times, { runtimeVersion: "torch 1", device }).components[1].layers[1].times;
    assert.equal(recorded[0].message, "too large");
    // Both measured layers took 1 ms: the rate is all their milliseconds over all their FLOPs.
    const measuredFlops = bound.components[0].layers[0].flopsPerSample + bound.components[1].layers[0].flopsPerSample;
    assert.ok(Math.abs(recorded[1].forwardMs / ((failed.flopsPerSample * 2) / measuredFlops) - 1) < 1e-9);
    assert.equal(recorded[1].source, "estimate");
    times.forEach((_, layer) => times.set(layer, [time(1, { status: "crashed", message: "it broke" })]));
    assert.throws(() => recordTimes(bound, times, { runtimeVersion: "torch 1", device }), /No layer could be measured\. it broke/);
  });

  it("tells progress from the rest of a log", () => {
    assert.deepEqual(readProgressLine("3/35 unet down.0"), { done: 3, total: 35, what: "unet down.0" });
    for (const other of ["3/35", "UserWarning: 1/2 of it", "Traceback", ""]) assert.equal(readProgressLine(other), undefined);
  });
});
