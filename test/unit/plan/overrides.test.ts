import assert from "node:assert/strict";
import { isEstimate } from "../../../src/model/costs";
import { contextFor, isFrozen, overridden, precisionsOf } from "../../../src/plan/overrides";
import { predictPlan } from "../../../src/plan/predict";
import { runnable } from "../../../src/plan/runnable";
import { clusterOf, planOf, profile } from "../../webview/documents";

const cluster = { ...clusterOf(2), nodeGroups: clusterOf(2).nodeGroups.map((group) => ({ ...group, device: { ...group.device, peakTflops: { fp32: 20, bf16: 80 } } })) };
const plan = planOf(2, 4);
const forwardMs = (of: typeof profile, name: string) => of.components.find((component) => component.name === name)!.layers[0].times[0].forwardMs;

describe("what a plan decides about costs", () => {
  it("leaves the profile as it is where it decides nothing", () => {
    assert.equal(overridden(profile, cluster, plan), profile);
  });

  it("runs a frozen component in another precision: faster by the ratio of the peaks, smaller, and an estimate", () => {
    const other = overridden(profile, cluster, { frozenPrecision: { vae: "bf16" } });
    assert.equal(forwardMs(other, "vae"), forwardMs(profile, "vae") / 4);
    assert.equal(forwardMs(other, "text_encoder"), forwardMs(profile, "text_encoder"));
    const [layer] = other.components[1].layers;
    assert.equal(layer.paramBytes, profile.components[1].layers[0].paramBytes / 2);
    assert.ok(isEstimate(layer, 1, false) && !isEstimate(profile.components[1].layers[0], 1, false));
    assert.ok(predictPlan({ ...plan, frozenPrecision: { vae: "bf16" } }, contextFor({ frozenPrecision: { vae: "bf16" } }, profile, cluster)).timeline.periodMs < predictPlan(plan, contextFor(plan, profile, cluster)).timeline.periodMs);
  });

  it("offers the precisions that the cluster has figures for", () => {
    assert.deepEqual(precisionsOf(profile, cluster), ["fp32", "bf16"]);
    assert.deepEqual(precisionsOf(profile, clusterOf(2)), ["fp32"]);
    assert.ok(isFrozen(profile, "vae") && !isFrozen(profile, "unet") && !isFrozen(profile, "nothing"));
  });

  it("conditions a chain on itself as often as it says, or no longer", () => {
    const own = { ...profile, chains: profile.chains.map((chain) => ({ ...chain, selfConditioning: { probability: 0.5, feedbackBytesPerSample: 100 } })) };
    assert.deepEqual(overridden(own, cluster, { selfConditioning: { unet: 0.25 } }).chains[0].selfConditioning, { probability: 0.25, feedbackBytesPerSample: 100 });
    assert.equal(overridden(own, cluster, { selfConditioning: { unet: 0 } }).chains[0].selfConditioning, undefined);
    const tensor = { id: "noise", producer: { component: "data", layer: "noise" }, consumers: [], bytesPerSample: 64, hasGradient: false, transport: "redistribute" as const };
    assert.deepEqual(overridden({ ...profile, tensors: [tensor] }, cluster, { selfConditioning: { unet: 1 } }).chains[0].selfConditioning, { probability: 1, feedbackBytesPerSample: 64 });
  });

  it("is refused, with the field, where there are no figures for it", () => {
    const refused = (overrides: Parameters<typeof overridden>[2]) => () => overridden(profile, cluster, overrides);
    assert.throws(refused({ selfConditioning: { unet: 0.5 } }), /selfConditioning\.unet.*how large a prediction/);
    assert.throws(refused({ selfConditioning: { other: 0.5 } }), /no chain "other"/);
    assert.throws(refused({ frozenPrecision: { unet: "bf16" } }), /frozenPrecision\.unet.*no frozen component/);
    assert.throws(refused({ frozenPrecision: { vae: "fp16" } }), /no peak of accelerator for fp16/);
  });

  it("is not run by today's trainer", () => {
    const { workload } = contextFor(plan, profile, cluster);
    const reason = (frozenPrecision: typeof plan.frozenPrecision) => {
      const found = runnable({ ...plan, frozenPrecision }, workload);
      return found === true ? "" : found.reason;
    };
    assert.match(reason({ vae: "bf16" }), /"vae" is to run in bf16/);
    assert.doesNotMatch(reason({ vae: "fp32" }), /to run in/);
  });
});
