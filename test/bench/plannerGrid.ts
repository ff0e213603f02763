/**
 * Every cell of reference models x clusters x batches: our plan against the best pipeline of any schedule that fills nothing, and
 * against data parallelism. Each search runs in a process of its own, as a user's does: with its start-up, and its own memory.
 * All periods are estimates, since the profiles are analytic.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { percent } from "../../src/app/commandLine/command";
import { usualSearch } from "../../src/app/plan";
import { clusterFormat } from "../../src/formats/cluster";
import { parseDocument } from "../../src/formats/document";
import { profileFormat } from "../../src/formats/profile";
import { UserError } from "../../src/model/errors";
import { scheduleNames, type Plan } from "../../src/model/plan";
import { leastFrozenMs, planBound } from "../../src/planner/fill/bound";
import { withoutFilling } from "../../src/planner/fill/fill";
import type { SearchSpace } from "../../src/planner/search/candidates";
import { searchPlan } from "../../src/planner/search/search";
import { contextOf, type Context } from "../../src/simulate/context";
import { wasteOf } from "../../src/simulate/waste";
import { base } from "./planner";

const profiles = ["stable-diffusion-2-1-512", "stable-diffusion-1-5-controlnet-512", "stable-diffusion-xl-1024", "ddpm-cifar10-32", "cascade-64-256"];
const kinds = ["a100-80gb", "h100", "rtx-4090"];
const deviceCounts = [8, 64, 1024];
/** Samples of the global batch for each device. */
const perDevice = [8, 32];

interface Cell {
  readonly profile: string;
  readonly kind: string;
  readonly devices: number;
  readonly batch: number;
}

/** What is searched: what `plan` does, of which the fastest plan counts, whether or not the trainer runs it; pipelines of every schedule (beyond 64 devices of those that are quickly searched) without filling; data parallelism without filling. */
type Search = "plan" | "pipeline" | "ddp";

interface Found {
  /** Why there is no plan. */
  readonly reason?: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
  readonly periodMs: number;
  readonly what: string;
  readonly stages: number;
  readonly bubbleRatio: number;
  readonly waste: number;
  readonly unfilledBubbleRatio: number;
  readonly unfilledWaste: number;
  readonly boundMs: number;
  /** Frozen work at its best batch, as a share of all that devices compute at least. */
  readonly frozenShare: number;
}

function schedulesOf(search: Search, context: Context): Pick<SearchSpace, "schedules" | "usual" | "effort"> {
  const { devices, workload } = context;
  if (search === "ddp") return { schedules: ["ddp"] };
  if (search === "plan") return usualSearch(context);
  const pipelines = scheduleNames.filter((name) => name !== "ddp");
  return { schedules: devices.length > 64 ? pipelines.filter((name) => ["1f1b", "gpipe", "bidirectional"].includes(name) && (name !== "bidirectional" || workload.chains.length > 1)) : pipelines };
}

async function searched({ profile, kind, devices, batch }: Cell, search: Search): Promise<Found> {
  const document = parseDocument(profileFormat, readFileSync(`media/profiles/${profile}.${kind}.profile.json`, "utf8"), profile);
  const context = contextOf(document, parseDocument(clusterFormat, readFileSync(`media/clusters/${kind}-x${devices}.cluster.json`, "utf8"), kind));
  const cpu = process.cpuUsage();
  const start = performance.now();
  const used = () => {
    const { user, system } = process.cpuUsage(cpu);
    return { wallSeconds: (performance.now() - start) / 1e3, cpuSeconds: (user + system) / 1e6, megabytes: process.resourceUsage().maxRSS / 1e3 };
  };
  const nothing = { periodMs: Infinity, what: "", stages: 0, bubbleRatio: 0, waste: 0, unfilledBubbleRatio: 0, unfilledWaste: 0, boundMs: 0, frozenShare: 0 };
  try {
    const { plan, faster = plan } = await searchPlan(base, { globalBatch: batch, ...schedulesOf(search, context), fill: search === "plan", blockAfterPasses: search !== "plan" }, context);
    return { ...nothing, ...used(), ...figuresOf(faster, context, search) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...nothing, ...used(), reason: error.reason };
  }
}

function figuresOf(plan: Plan, context: Context, search: Search): Partial<Found> {
  const { periodMs, bubbleRatio, waste = 0 } = plan.predicted;
  const [{ stages }] = plan.chains;
  const what = `${plan.schedule.name} ${stages.length}x${plan.dataParallel} M=${plan.batch.microbatches}${plan.recompute ? " recompute" : ""}${plan.runnable === true ? "" : " *"}`;
  if (search !== "plan") return { periodMs, what, stages: stages.length };
  const devices = context.devices.length;
  const unfilled = withoutFilling(plan, context).simulation;
  const frozenMs = leastFrozenMs(context, plan.batch.global / devices);
  return {
    periodMs, what, stages: stages.length, bubbleRatio, waste,
    unfilledBubbleRatio: unfilled.bubbleRatio,
    unfilledWaste: wasteOf(context, devices, plan.batch.global, unfilled.periodMs),
    boundMs: planBound(plan, context),
    frozenShare: frozenMs / (periodMs * (1 - bubbleRatio)),
  };
}

/** Standard output of a process that makes one search, as `searched` returns it. */
export async function printSearch(text: string): Promise<void> {
  const { search, ...cell } = JSON.parse(text) as Cell & { readonly search: Search };
  process.stdout.write(JSON.stringify(await searched(cell, search)));
}

function inProcess(cell: Cell, search: Search): Promise<Found> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [__filename, "search", JSON.stringify({ ...cell, search })], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data) => (text += data));
    child.on("close", (status) => (status === 0 ? resolve(foundIn(text)) : reject(new Error(`A search ended with ${status}.`))));
  });
}

/** JSON has no infinity. */
function foundIn(text: string): Found {
  const found = JSON.parse(text) as Found & { readonly periodMs: number | null };
  return { ...found, periodMs: found.periodMs ?? Infinity };
}

/** Two digits where bubbles are claimed; nothing where a plan has one stage. */
function bubblesOf({ stages, unfilledBubbleRatio, unfilledWaste, bubbleRatio, waste }: Found): string {
  if (stages < 2) return "one stage".padStart(13) + `${percent(unfilledWaste)} -> ${percent(waste)}`.padStart(15);
  return `${percent(unfilledBubbleRatio)} -> ${percent(bubbleRatio)}`.padStart(13) + `${percent(unfilledWaste)} -> ${percent(waste)}`.padStart(15);
}

const over = (one: number, other: number) => (Number.isFinite(one) ? (one / other).toFixed(3) : "no plan").padStart(8);

function rowOf({ profile, kind, devices, batch }: Cell, plan: Found, pipeline: Found, ddp: Found): string {
  const head = `${profile.padEnd(36)} ${kind.padEnd(9)} ${String(devices).padStart(5)} ${String(batch).padStart(6)} ${plan.wallSeconds.toFixed(2).padStart(6)} ${plan.cpuSeconds.toFixed(2).padStart(6)} ${plan.megabytes.toFixed(0).padStart(5)}`;
  if (plan.reason !== undefined) return `${head} ${plan.reason}`;
  return [head, plan.what.padEnd(24), plan.periodMs.toFixed(1).padStart(9), bubblesOf(plan), percent(plan.frozenShare).padStart(6), percent(plan.periodMs / plan.boundMs - 1).padStart(6), over(pipeline.periodMs, plan.periodMs), pipeline.what.padEnd(22), over(ddp.periodMs, plan.periodMs)].join(" ");
}

/** The paper's "up to". */
const claims = { pipeline: 1.41, ddp: 1.28 };

export async function grid(): Promise<void> {
  process.stdout.write("\nReference profiles (estimates): the plan against the best pipeline of every schedule (beyond 64 devices: 1F1B, GPipe, two directions) and DDP, both without filling; * not run by today's trainer\n");
  process.stdout.write(`${"profile".padEnd(36)} device    count  batch wall s  CPU s    MB ${"plan".padEnd(24)} period ms     bubble %        waste % froz %  gap %  over pipeline                    over DDP\n`);
  const cells = kinds.flatMap((kind) => profiles.flatMap((profile) => deviceCounts.flatMap((devices) => perDevice.map((each): Cell => ({ profile, kind, devices, batch: devices * each })))));
  // Ours one at a time, since their time is what is measured; the others on all cores.
  const plans: Found[] = [];
  for (const cell of cells) plans.push(await inProcess(cell, "plan"));
  const rows = new Map<number, { readonly row: string; readonly pipeline: Found; readonly ddp: Found }>();
  let next = 0;
  let shown = 0;
  const work = async () => {
    for (let c = next++; c < cells.length; c = next++) {
      const [pipeline, ddp] = [await inProcess(cells[c], "pipeline"), await inProcess(cells[c], "ddp")];
      rows.set(c, { row: rowOf(cells[c], plans[c], pipeline, ddp), pipeline, ddp });
      for (let row = rows.get(shown); row; row = rows.get(++shown)) process.stdout.write(`${row.row}\n`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  summary(cells, plans, [...rows].sort(([a], [b]) => a - b).map(([, row]) => row));
}

/** Which cells reach what is claimed, and what stands against it. */
function summary(cells: readonly Cell[], plans: readonly Found[], others: readonly { readonly pipeline: Found; readonly ddp: Found }[]): void {
  for (const [name, least] of Object.entries(claims) as (readonly [keyof typeof claims, number])[]) {
    const gains = cells.map((cell, c) => ({ cell, gain: plans[c].reason === undefined ? others[c][name].periodMs / plans[c].periodMs : NaN })).filter(({ gain }) => Number.isFinite(gain));
    const reached = gains.filter(({ gain }) => gain >= least).map(({ cell, gain }) => `${cell.profile} ${cell.kind} x${cell.devices} batch ${cell.batch} (${gain.toFixed(2)})`);
    process.stdout.write(`${least}x over ${name === "ddp" ? "DDP" : "pipelines"}: ${reached.length} of ${gains.length} cells${reached.length > 0 ? `: ${reached.join("; ")}` : ""}\n`);
    const lost = gains.filter(({ gain }) => gain < 1 - 1e-6).map(({ cell, gain }) => `${cell.profile} ${cell.kind} x${cell.devices} batch ${cell.batch} (${gain.toFixed(3)})`);
    if (lost.length > 0) process.stdout.write(`  slower than that in ${lost.length}: ${lost.join("; ")}\n`);
  }
  const spread = plans.filter(({ reason, stages }) => reason === undefined && stages > 1);
  const full = spread.filter(({ bubbleRatio }) => bubbleRatio < 0.05).length;
  process.stdout.write(`bubbles under 5 % after filling: ${full} of ${spread.length} plans of two stages or more\n`);
  process.stdout.write("Why not more: with all frozen work hidden either way, filling gains 1 + (frozen share) at most over a pipeline that is as full; data parallelism has no bubbles, so that only its all-reduces and smaller batches can be gained on.\n");
  for (const devices of deviceCounts) {
    const own = plans.filter((_, c) => cells[c].devices === devices).map(({ wallSeconds }) => wallSeconds).sort((a, b) => a - b);
    process.stdout.write(`search on ${devices} devices: ${own[0].toFixed(2)} to ${own[own.length - 1].toFixed(2)} s, median ${own[own.length >> 1].toFixed(2)} s\n`);
  }
}
