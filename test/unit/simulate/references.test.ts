/** Timelines of the reference profiles pass the independent checker: each model on the cluster that it is kept for. */
import { strict as assert } from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { clusterFormat } from "../../../src/formats/cluster";
import { parseDocument } from "../../../src/formats/document";
import { profileFormat } from "../../../src/formats/profile";
import type { Plan, PlanChain } from "../../../src/model/plan";
import { predictPlan } from "../../../src/plan/predict";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { contextOf, type Context } from "../../../src/simulate/context";
import { violations } from "../../tools/feasibility/check";
import { base } from "../planner/cases";

const profiles = "media/profiles";

/** Four stages of as many layers each on two pipelines of four devices; of two chains the second goes the other way. */
function planOf({ workload }: Context): Plan {
  const chains = workload.chains.map(({ chain, layers }, c): PlanChain => {
    const cuts = [0, 1, 2, 3, 4].map((s) => Math.floor((s * layers.length) / 4));
    return { id: chain.id, stages: cuts.slice(1).map((to, s) => ({ from: cuts[s], to, devices: [0, 4].map((first) => first + (c === 1 ? 3 - s : s)) })) };
  });
  return {
    format: "diffusionpipe.plan/1",
    ...base,
    optimizer: { ...base.optimizer, ema: true, maxGradNorm: 1 },
    batch: { global: 64, microbatches: 8 },
    dataParallel: 2,
    schedule: { name: chains.length > 1 ? "bidirectional" : "1f1b" },
    chains,
    fills: [],
    runnable: { reason: "even cuts" },
    predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
  };
}

describe("timelines of the reference profiles could happen", () => {
  for (const name of readdirSync(profiles).filter((file) => file.endsWith(".profile.json"))) {
    it(name, () => {
      const device = name.split(".").at(-3) ?? "";
      const profile = parseDocument(profileFormat, readFileSync(`${profiles}/${name}`, "utf8"), name);
      const cluster = parseDocument(clusterFormat, readFileSync(`media/clusters/${device}-x8.cluster.json`, "utf8"), device);
      const context = contextOf(profile, cluster);
      const plan = planOf(context);
      for (const { plan: made } of [fillPlan(plan, context, false), withoutFilling(plan, context)]) {
        assert.deepEqual(violations({ plan: made, profile, cluster, timeline: predictPlan(made, context).timeline }).slice(0, 5), []);
      }
    });
  }
});
