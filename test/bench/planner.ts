/**
 * The planner: CPU time of searches and of the simulation behind one edit on a profile of Stable Diffusion 2.1's shape, how they
 * grow, what pruning costs, and every cell of reference profiles, clusters and batches.
 */
import { percent } from "../../src/app/commandLine/command";
import { UserError } from "../../src/model/errors";
import type { Plan } from "../../src/model/plan";
import { predictedFigures, predictPlan } from "../../src/plan/predict";
import { withoutFilling } from "../../src/planner/fill/fill";
import { candidatesOf, type PlanBase, type SearchSpace } from "../../src/planner/search/candidates";
import { searchPlan } from "../../src/planner/search/search";
import { contextOf, type Context } from "../../src/simulate/context";
import { grid, printSearch } from "./plannerGrid";
import { finer, syntheticCluster, syntheticProfile } from "./syntheticProfile";

export const base: PlanBase = {
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
  const cells = [String(devices).padStart(7), String(globalBatch).padStart(6), seconds.toFixed(2).padStart(6), String(rows.length).padStart(10), what.padEnd(40), plan.predicted.periodMs.toFixed(1).padStart(10), `${percent(unfilled.bubbleRatio)} -> ${percent(plan.predicted.bubbleRatio)}`.padStart(14), String(plan.fills.length).padStart(6)];
  process.stdout.write(`${cells.join(" ")}\n`);
}

/** Median of rounds, in ms of processor time of one call; the first round has the compiler's work too. */
function perCall(call: () => void): string {
  const rounds = 40;
  const calls = 10;
  const ms = Array.from({ length: rounds }, () => {
    const before = cpuMs();
    for (let i = 0; i < calls; i++) call();
    return (cpuMs() - before) / calls;
  });
  const sorted = [...ms].sort((a, b) => a - b);
  return `median of ${rounds} x ${calls}: ${sorted[rounds >> 1].toFixed(2)} ms CPU (least ${sorted[0].toFixed(2)}, first ${ms[0].toFixed(1)})`;
}

async function edit(): Promise<void> {
  const context = contextOf(syntheticProfile(), syntheticCluster(8));
  const { plan } = await searchPlan(base, { ...spaceOf(64), schedules: ["1f1b"], stages: 8, microbatches: 32 }, context);
  process.stdout.write(`\n8 devices x 32 micro-batches, ${plan.fills.length} fills: one re-simulation (compiled, simulated, memory) ${perCall(() => predictedFigures(plan, context))}\n`);
  process.stdout.write(`with validation and the timeline to draw ${perCall(() => predictPlan(plan, context))}\n`);
}

/** Period and CPU seconds of a search; the reason where there is no plan. */
async function searched(space: SearchSpace, context: Context): Promise<{ readonly plan?: Plan; readonly seconds: number; readonly reason?: string }> {
  const before = cpuMs();
  try {
    const { plan } = await searchPlan(base, space, context);
    return { plan, seconds: (cpuMs() - before) / 1e3 };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { seconds: (cpuMs() - before) / 1e3, reason: error.reason };
  }
}

/** Grown one at a time from 8 devices, 64 samples: CPU seconds, and how many times those of the row before. */
async function growth(): Promise<void> {
  process.stdout.write("\nHow a search grows, CPU s\n");
  const at = async (devices: number, globalBatch: number, microbatches?: number, parts = 1) => (await searched({ ...spaceOf(globalBatch), microbatches }, contextOf(finer(syntheticProfile(), parts), syntheticCluster(devices)))).seconds;
  for (const [what, values, searchAt] of [
    ["layers times", [1, 2, 4, 8], (n: number) => at(8, 64, undefined, n)],
    ["devices", [8, 16, 32, 64, 128], (n: number) => at(n, 8 * n)],
    ["batch", [64, 128, 256, 512], (n: number) => at(8, n)],
    ["micro-batches", [4, 8, 16, 32], (n: number) => at(8, 64, n)],
  ] as const) {
    const cells: string[] = [];
    for (const value of values) cells.push(`${value}: ${(await searchAt(value)).toFixed(2)}`);
    process.stdout.write(`${what.padEnd(14)} ${cells.join("  ")}\n`);
  }
}

/** What the bounds cost: the best plan against the best of a search that holds each candidate to itself. */
async function regret(): Promise<void> {
  process.stdout.write("\nRegret of the pruned search against one search per candidate\n");
  for (const [devices, batch] of [[4, 32], [8, 64]] as const) {
    const context = contextOf(syntheticProfile(), syntheticCluster(devices));
    const space = spaceOf(batch);
    const pruned = await searched(space, context);
    const before = cpuMs();
    let best = Infinity;
    for (const { schedule, stages, microbatches } of candidatesOf(space, context)) {
      const { plan } = await searched({ ...space, schedules: [schedule], stages, microbatches }, context);
      best = Math.min(best, plan?.predicted.periodMs ?? Infinity);
    }
    const full = (cpuMs() - before) / 1e3;
    process.stdout.write(`${devices} devices, batch ${batch}: ${(100 * ((pruned.plan?.predicted.periodMs ?? Infinity) / best - 1)).toFixed(3)} %, ${pruned.seconds.toFixed(2)} s against ${full.toFixed(2)} s\n`);
  }
}

export async function run(): Promise<void> {
  process.stdout.write("devices  batch  CPU s candidates plan                                      period ms        bubble %  fills\n");
  for (const devices of [2, 8, 64]) for (const globalBatch of [64, 256]) await search(devices, globalBatch);
  await edit();
  await growth();
  await regret();
  await grid();
}

// A search of the grid runs this file again.
if (process.argv[2] === "search") void printSearch(process.argv[3]);
