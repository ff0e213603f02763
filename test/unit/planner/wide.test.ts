import { strict as assert } from "node:assert";
import type { Cluster } from "../../../src/model/cluster";
import { compilePlan } from "../../../src/plan/compile";
import { validatePlan } from "../../../src/plan/validate";
import { checkProgram } from "../../../src/schedule/check";
import { allWidths } from "../../../src/planner/partition/widths";
import { balancedPlan } from "../../../src/planner/search/balanced";
import { candidatesOf, planOf, widthsOf, type Candidate } from "../../../src/planner/search/candidates";
import { searchPlan } from "../../../src/planner/search/search";
import { trialsOf } from "../../../src/planner/trials";
import { contextOf, type Context } from "../../../src/simulate/context";
import { simulate } from "../../../src/simulate/engine";
import { randomFrom } from "../fuzz/mutate";
import { allCuts, base, clusterOf, profileOf, type LayerCase } from "./cases";

/** Heavy-tailed layers; messages of up to half of a layer's time. */
function layersOf(random: () => number, count: number): readonly LayerCase[] {
  const heavy = () => 1 + 5 * random() ** -0.5;
  return Array.from({ length: count }, () => ({ forward: heavy(), backward: 2 * heavy(), launch: random(), cut: random() * 4e6, params: 1e6 * random() }));
}

/** Nodes of different kinds: the second group's devices have half the peak. */
function twoKinds(each: number): Cluster {
  const [one] = clusterOf(each, { latencyUs: 10, bandwidthGBps: 10 }).nodeGroups;
  const slower = { ...one, device: { ...one.device, name: "half as fast", peakTflops: { fp32: 0.5 } } };
  return { ...clusterOf(each, { latencyUs: 20, bandwidthGBps: 5 }), nodeGroups: [one, slower] };
}

/** Least period of a candidate's passes over all widths and cuts. */
function exhaustive(candidate: Candidate, batch: number, context: Context): number {
  const samples = batch / candidate.dataParallel / candidate.microbatches;
  const { devices = candidate.stages, stages } = candidate;
  const all = candidate.devices === undefined ? [undefined] : allWidths(widthsOf(samples, devices, stages), devices, stages);
  const cuts = allCuts(context.workload.chains[0].layers.length, stages);
  return Math.min(...all.map((widths) => {
    const trials = trialsOf(planOf(base, candidate, batch, cuts[0], context.workload, widths), context);
    return Math.min(...cuts.map((at) => trials.passesMs(at)));
  }));
}

function judge(count: number, seed: number, contextFor: (random: () => number) => Context, batch: number, isAsked: (candidate: Candidate) => boolean): { readonly cases: number; readonly equal: number; readonly worst: number } {
  const random = randomFrom(seed);
  let [cases, equal, worst] = [0, 0, 1];
  for (let i = 0; i < count; i++) {
    const context = contextFor(random);
    for (const candidate of candidatesOf({ globalBatch: batch, schedules: ["1f1b", "gpipe"], fill: false }, context).filter(isAsked)) {
      const found = balancedPlan(base, batch, candidate, context, Infinity, false);
      assert("balanced" in found);
      const best = exhaustive(candidate, batch, context);
      const { periodMs } = found.balanced;
      assert(periodMs >= best * (1 - 1e-9) && best >= candidate.boundMs * (1 - 1e-9), `${periodMs} ${best} ${candidate.boundMs}`);
      cases++;
      if (periodMs <= best * (1 + 1e-9)) equal++;
      worst = Math.max(worst, periodMs / best);
    }
  }
  process.stdout.write(`      ${equal} of ${cases} equal to exhaustive search, worst ${((worst - 1) * 100).toFixed(3)} % over\n`);
  return { cases, equal, worst };
}

describe("stages that several devices share", () => {
  it("have widths and cuts as exhaustive search finds them, and no period below the bound", () => {
    const contextFor = (random: () => number) => contextOf(profileOf(layersOf(random, 3 + Math.floor(random() * 4))), clusterOf(3 + Math.floor(random() * 2), { latencyUs: 20, bandwidthGBps: random() < 0.5 ? 0.5 : 20 }, random() < 0.7));
    const { cases, equal, worst } = judge(40, 8, contextFor, 24, ({ devices }) => devices !== undefined);
    assert(cases > 400 && equal >= 0.99 * cases && worst <= 1.01, `${equal} of ${cases}, worst ${worst}`);
  }).timeout(120_000);

  it("win where one layer outweighs the others, in a plan that is sound", async () => {
    const context = contextOf(profileOf([20, 4, 4].map((ms) => ({ forward: ms, backward: 2 * ms, launch: 0, cut: 100, params: 2e7 }))), clusterOf(3, { latencyUs: 20, bandwidthGBps: 5 }));
    const { plan, rows } = await searchPlan(base, { globalBatch: 12, schedules: ["1f1b", "gpipe"], fill: false }, context);
    assert.deepEqual(plan.chains[0].stages.map(({ devices }) => devices.length), [2, 1]);
    validatePlan(plan, context.workload, 3);
    assert.equal(checkProgram(compilePlan(plan, context)), undefined);
    assert.equal(simulate(compilePlan(plan, context), context).periodMs, plan.predicted.periodMs);
    assert(rows.every(({ status }) => status !== "does not fit"));
  });
});

describe("where pipelines lie", () => {
  it("cuts fit the kind of device at each place, as exhaustive search finds them", () => {
    const { cases, equal, worst } = judge(12, 5, (random) => contextOf(profileOf(layersOf(random, 6)), twoKinds(2)), 8, () => true);
    assert(cases > 200 && equal >= 0.99 * cases && worst <= 1.01, `${equal} of ${cases}, worst ${worst}`);
  }).timeout(120_000);

  it("the search finds the best order of two kinds", async () => {
    const random = randomFrom(9);
    for (let i = 0; i < 6; i++) {
      const context = contextOf(profileOf(layersOf(random, 5)), twoKinds(2));
      const space = { globalBatch: 8, schedules: ["1f1b", "gpipe"] as const, fill: false };
      const { plan } = await searchPlan(base, space, context);
      const best = Math.min(...candidatesOf(space, context).map((candidate) => exhaustive(candidate, 8, context)));
      assert(plan.predicted.periodMs <= best * 1.01 && plan.predicted.periodMs >= best * (1 - 1e-9), `${plan.predicted.periodMs} ${best}`);
    }
  }).timeout(120_000);

  it("replicas lie side by side where gradients are large and the network is slow", async () => {
    const trained = Array.from({ length: 6 }, () => ({ forward: 4, backward: 8, launch: 0.1, cut: 1000, params: 1e8 }));
    const cluster: Cluster = { ...clusterOf(2, { latencyUs: 5, bandwidthGBps: 100 }), interNode: { latencyUs: 20, bandwidthGBps: 1 } };
    const context = contextOf(profileOf(trained), { ...cluster, nodeGroups: cluster.nodeGroups.map((group) => ({ ...group, count: 2 })) });
    const roomy = { ...context, devices: context.devices.map((device) => ({ ...device, kind: { ...device.kind, memoryBytes: 1e11 } })) };
    const { plan, rows } = await searchPlan(base, { globalBatch: 8, schedules: ["1f1b"], fill: false, stages: 2, microbatches: 4 }, roomy);
    assert.deepEqual(plan.chains[0].stages.map(({ devices }) => devices), [[0, 1], [2, 3]]);
    validatePlan(plan, roomy.workload, 4);
    assert(rows.some(({ layout }) => layout === undefined) && rows.some(({ layout }) => layout === "replicas"));
  });
});
