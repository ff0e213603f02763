/** The planner on a profile of Stable Diffusion 2.1's shape: CPU time of searches and of the simulation behind one edit. */
import type { PlanBase, SearchSpace } from "../../src/planner/search/candidates";
import { predictPlan } from "../../src/plan/predict";
import { withoutFilling } from "../../src/planner/fill/fill";
import { searchPlan } from "../../src/planner/search/search";
import { contextOf } from "../../src/simulate/context";
import { syntheticCluster, syntheticProfile } from "./syntheticProfile";

const base: PlanBase = {
  model: { path: "model", sha256: "" },
  profile: { path: "synthetic.profile.json", sha256: "" },
  cluster: { path: "synthetic.cluster.json", sha256: "" },
  optimizer: { name: "adamw", stateBytesPerParam: 8, gradDtype: "bf16", ema: false },
  training: { steps: 1, learningRate: 1e-4, seed: 0, resolution: 512, precision: "bf16", predictionType: "epsilon", checkpointEvery: 0 },
};

const spaceOf = (globalBatch: number): SearchSpace => ({ globalBatch, schedules: ["1f1b", "gpipe"], fill: true });

/** Of this process and all its threads, so that a busy machine counts little. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

async function search(devices: number, globalBatch: number): Promise<void> {
  const context = contextOf(syntheticProfile(), syntheticCluster(devices));
  const before = cpuMs();
  const { plan, rows } = await searchPlan(base, spaceOf(globalBatch), context);
  const seconds = (cpuMs() - before) / 1e3;
  const unfilled = withoutFilling(plan, context).simulation;
  const what = `${plan.schedule.name}, ${plan.chains[0].stages.length} stages x ${plan.dataParallel}, ${plan.batch.microbatches} micro-batches`;
  const percent = (ratio: number) => (100 * ratio).toFixed(1);
  const cells = [String(devices).padStart(7), String(globalBatch).padStart(6), seconds.toFixed(2).padStart(6), String(rows.length).padStart(10), what.padEnd(40), plan.predicted.periodMs.toFixed(1).padStart(10), `${percent(unfilled.bubbleRatio)} -> ${percent(plan.predicted.bubbleRatio)}`.padStart(14), String(plan.fills.length).padStart(6)];
  process.stdout.write(`${cells.join(" ")}\n`);
}

async function edit(): Promise<void> {
  const context = contextOf(syntheticProfile(), syntheticCluster(8));
  const { plan } = await searchPlan(base, { ...spaceOf(64), schedules: ["1f1b"], stages: 8, microbatches: 32 }, context);
  const rounds = 9;
  const perRound = 10;
  const ms = Array.from({ length: rounds }, () => {
    const before = cpuMs();
    for (let i = 0; i < perRound; i++) predictPlan(plan, context);
    return (cpuMs() - before) / perRound;
  });
  const median = [...ms].sort((a, b) => a - b)[rounds >> 1];
  process.stdout.write(`An edit at 8 devices x 32 micro-batches, ${plan.fills.length} fills: ${ms[0].toFixed(1)} ms CPU at first, median of ${rounds} x ${perRound}: ${median.toFixed(1)} ms CPU\n`);
}

export async function run(): Promise<void> {
  process.stdout.write("devices  batch  CPU s candidates plan                                      period ms        bubble %  fills\n");
  for (const devices of [2, 8, 64]) for (const globalBatch of [64, 256]) await search(devices, globalBatch);
  await edit();
}
