/**
 * The planner: CPU time of searches and of the simulation behind one edit on a profile of Stable Diffusion 2.1's shape, how they
 * grow, what pruning costs, and every cell of reference profiles, clusters and batches.
 */
import { readFileSync } from "node:fs";
import { percent } from "../../src/app/commandLine/command";
import { clusterFormat } from "../../src/formats/cluster";
import { parseDocument } from "../../src/formats/document";
import { profileFormat } from "../../src/formats/profile";
import { UserError } from "../../src/model/errors";
import { scheduleNames, type Plan, type ScheduleName } from "../../src/model/plan";
import { predictPlan } from "../../src/plan/predict";
import { planBound } from "../../src/planner/fill/bound";
import { withoutFilling } from "../../src/planner/fill/fill";
import { candidatesOf, type PlanBase, type SearchSpace } from "../../src/planner/search/candidates";
import { searchPlan } from "../../src/planner/search/search";
import { contextOf, type Context } from "../../src/simulate/context";
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

const profiles = ["stable-diffusion-2-1-512", "stable-diffusion-1-5-controlnet-512", "stable-diffusion-xl-1024", "ddpm-cifar10-32", "cascade-64-256"];
const kinds = ["a100-80gb", "h100", "rtx-4090"];
const deviceCounts = [8, 64, 1024];
/** Global batches, per device. */
const perDevice = [8, 32];
/** All of them, but on very many devices those that search quickly. */
const pipelineSchedules = (devices: number) => (devices > 64 ? (["gpipe", "1f1b", "bidirectional"] as const) : scheduleNames.filter((name) => name !== "ddp"));

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

/** One cell of the grid: our search against the best pipeline of any schedule without filling, and against DDP. */
async function cell(context: Context, globalBatch: number): Promise<string> {
  const schedules: readonly ScheduleName[] = context.workload.chains.length > 1 ? ["bidirectional", "1f1b", "gpipe"] : ["1f1b", "gpipe"];
  const { plan, seconds, reason } = await searched({ globalBatch, schedules, fill: true }, context);
  if (!plan) return `${seconds.toFixed(2).padStart(7)} ${reason}`;
  const pipeline = await searched({ globalBatch, schedules: pipelineSchedules(context.devices.length), fill: false }, context);
  const ddp = await searched({ globalBatch, schedules: ["ddp"], fill: false }, context);
  const over = (other: Plan | undefined) => (other ? (other.predicted.periodMs / plan.predicted.periodMs).toFixed(3) : "no plan").padStart(8);
  const unfilled = withoutFilling(plan, context).simulation;
  const bound = planBound(plan, context);
  const what = `${plan.schedule.name} ${plan.chains[0].stages.length}x${plan.dataParallel} M=${plan.batch.microbatches}`;
  const bubbles = `${percent(unfilled.bubbleRatio)} -> ${percent(plan.predicted.bubbleRatio)}`;
  return [seconds.toFixed(2).padStart(7), what.padEnd(24), plan.predicted.periodMs.toFixed(1).padStart(10), bubbles.padStart(13), percent(plan.predicted.waste ?? 0).padStart(7), percent(plan.predicted.periodMs / bound - 1).padStart(6), over(pipeline.plan), `${(pipeline.plan?.schedule.name ?? "").padEnd(13)}`, over(ddp.plan)].join(" ");
}

/** Every cell. All times are estimates: the profiles are analytic. */
async function grid(): Promise<void> {
  process.stdout.write("\nReference profiles (estimates): our search against the best pipeline of every schedule (beyond 64 devices of GPipe, 1F1B and two directions) without filling, and DDP\n");
  process.stdout.write("profile                              device    devices   batch   CPU s plan                      period ms      bubble % waste %  gap %  speed-up over pipeline  over DDP\n");
  for (const kind of kinds) {
    for (const name of profiles) {
      const profile = parseDocument(profileFormat, readFileSync(`media/profiles/${name}.${kind}.profile.json`, "utf8"), name);
      for (const devices of deviceCounts) {
        const context = contextOf(profile, parseDocument(clusterFormat, readFileSync(`media/clusters/${kind}-x${devices}.cluster.json`, "utf8"), kind));
        for (const each of perDevice) process.stdout.write(`${name.padEnd(36)} ${kind.padEnd(9)} ${String(devices).padStart(7)} ${String(devices * each).padStart(7)} ${await cell(context, devices * each)}\n`);
      }
    }
  }
  process.stdout.write(`Most memory of this process: ${(process.resourceUsage().maxRSS / 1e3).toFixed(0)} MB\n`);
}

/** Grown one at a time from 8 devices, 64 samples: CPU seconds, and how many times those of the row before. */
async function growth(): Promise<void> {
  process.stdout.write("\nHow a search grows, CPU s\n");
  const at = async (devices: number, globalBatch: number, microbatches?: number) => (await searched({ ...spaceOf(globalBatch), microbatches }, contextOf(syntheticProfile(), syntheticCluster(devices)))).seconds;
  for (const [what, values, searchAt] of [
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
