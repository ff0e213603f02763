/** Traces of PyTorch's profiler, one for each rank, as a measured timeline, as far as their names allow. */
import { median } from "d3";
import { UserError } from "../../model/errors";
import type { Timeline, TimelineOperation } from "../../model/timeline";
import { placeRank, type Placed } from "./rank";
import { ranksOf, type RankTrace } from "./ranks";
import { Tally, type NotPlaced } from "./tally";
import type { TraceFile } from "./traceFile";

export interface ImportOptions {
  /** Samples of one iteration over all ranks; throughput is left at 0 without it. */
  readonly globalBatch?: number;
  /** Annotations of these names are frozen work. */
  readonly components?: readonly string[];
}

export interface Imported {
  readonly timeline: Timeline;
  /** The longest first. */
  readonly notPlaced: readonly NotPlaced[];
  /** What was assumed where the traces do not say it, in sentences. */
  readonly notes: readonly string[];
}

/** @throws UserError where no name is known, and for traces that are not of one run. */
export function importTraces(files: readonly TraceFile[], { globalBatch, components = [] }: ImportOptions = {}): Imported {
  const notPlaced = new Tally();
  const names = new Set(components);
  const ranks = ranksOf(files, names);
  const found = ranks.map((trace) => placeRank(trace, names, notPlaced));
  const placed = found.map((one) => one.placed);
  if (!placed.some((list) => list.some(({ meaning: { microbatch } }) => microbatch !== undefined))) throw nothingNamed(files, notPlaced.list);
  const notes: string[] = [];
  const offsets = offsetsOf(ranks, placed, notes);
  const operations = linked(operationsOf(placed, offsets));
  noteRanks(files, ranks, placed, notes);
  if (found.some(({ isGuessed }) => isGuessed)) notes.push("Passes have no names in these traces (Schedule1F1B gives none): they are told apart by autograd's operators, and numbered in order.");
  if (globalBatch === undefined) notes.push("Throughput is left at 0: the traces do not say how many samples an iteration has.");
  const timeline: Timeline = {
    format: "diffusionpipe.timeline/1", source: "measured", ...figuresOf(operations, ranks.length, globalBatch), clockSkewMs: skewOf(operations), criticalPath: [],
    devices: ranks.map(({ rank, deviceName = "cpu", peakBytes }) => ({ name: `rank ${rank}: ${deviceName}`, peakMemoryBytes: peakBytes })),
    operations,
  };
  return { timeline, notPlaced: notPlaced.list, notes };
}

function nothingNamed(files: readonly TraceFile[], found: readonly NotPlaced[]): UserError {
  const longest = found.slice(0, 3).map(({ name }) => `"${name}"`);
  return new UserError(`Nothing in ${files.length === 1 ? "it" : "these traces"} is named as PyTorch's pipeline schedules name their passes ("Forward 0", "PP:0F0"), nor looks like passes.`, {
    file: files[0].file, field: "traceEvents",
    hint: `${longest.length > 0 ? `What takes longest is ${longest.join(", ")}. ` : ""}Record CPU activities as well, and step a schedule of torch.distributed.pipelining while the profiler is on.`,
  });
}

/** What is added to a rank's times. Files on one machine share a clock; others are laid at the first step that all have. */
function offsetsOf(ranks: readonly RankTrace[], placed: readonly (readonly Placed[])[], notes: string[]): readonly number[] {
  if (new Set(ranks.map(({ file }) => file)).size === 1 || ranks.every(({ baseUs }) => baseUs > 0)) {
    // Small numbers keep their fractions.
    const least = ranks.reduce((smallest, { baseUs }) => Math.min(smallest, baseUs), Infinity);
    return ranks.map(({ baseUs }) => baseUs - least);
  }
  const shared = placed.map((list) => new Set(list.map(({ iteration }) => iteration))).reduce((all, own) => new Set([...all].filter((iteration) => own.has(iteration))));
  const first = Math.min(...shared);
  notes.push(`The traces do not all say what their clock's zero is (baseTimeNanoseconds): their ranks are laid side by side at the start of iteration ${Number.isFinite(first) ? first : "each"}.`);
  return placed.map((list) => -list.reduce((least, { iteration, startUs }) => (iteration === first || !Number.isFinite(first) ? Math.min(least, startUs) : least), Infinity)).map((offset) => (Number.isFinite(offset) ? offset : 0));
}

/** In ms from the first of all, device by device. */
function operationsOf(placed: readonly (readonly Placed[])[], offsets: readonly number[]): readonly TimelineOperation[] {
  const zero = placed.reduce((least, list, device) => list.reduce((smaller, { startUs }) => Math.min(smaller, startUs + offsets[device]), least), Infinity);
  return placed.flatMap((list, device) => list.map(({ meaning, stream, iteration, startUs, endUs }): TimelineOperation => {
    const { op, microbatch, channel, component } = meaning;
    const stage = meaning.stage ?? (microbatch === undefined ? undefined : device);
    return {
      device, stream, op, iteration,
      ...(component !== undefined && { component }), ...(stage !== undefined && { stage }), ...(microbatch !== undefined && { microbatch }), ...(channel && { channel }),
      startMs: (startUs + offsets[device] - zero) / 1000, endMs: (endUs + offsets[device] - zero) / 1000, deps: [], source: "measured",
    };
  }));
}

const key = (operation: TimelineOperation, stage: number, kind: string) => [kind, operation.iteration, stage, operation.microbatch].join(" ");
const isForward = ({ op }: TimelineOperation) => op === "F" || op === "OVERLAP_F_B";
const isBackward = ({ op }: TimelineOperation) => op === "B" || op === "I";

/** The same operations with the peers of what is sent and with what each waited for: the one before it on its device, and its micro-batch at the stage before. */
function linked(operations: readonly TimelineOperation[]): readonly TimelineOperation[] {
  const at = new Map<string, number>();
  const holder = new Map<number, number>();
  for (const [index, operation] of operations.entries()) {
    if (operation.stage === undefined || operation.stream !== "compute") continue;
    holder.set(operation.stage, operation.device);
    if (isForward(operation)) at.set(key(operation, operation.stage, "F"), index);
    if (isBackward(operation)) at.set(key(operation, operation.stage, "B"), index);
  }
  const last = new Map<number, number>();
  return operations.map((operation, index) => {
    const { device, stage, stream } = operation;
    const deps: number[] = [];
    if (stream === "compute") {
      const before = last.get(device);
      if (before !== undefined) deps.push(before);
      last.set(device, index);
    }
    const cause = stage === undefined ? undefined : isForward(operation) ? at.get(key(operation, stage - 1, "F")) : isBackward(operation) ? at.get(key(operation, stage + 1, "B")) : undefined;
    if (cause !== undefined && operations[cause].device !== device) deps.push(cause);
    const peer = peerOf(operation, holder);
    return { ...operation, ...(peer !== undefined && { peer }), deps };
  });
}

function peerOf({ op, stage, channel }: TimelineOperation, holder: ReadonlyMap<number, number>): number | undefined {
  if ((op !== "SEND" && op !== "RECV") || stage === undefined) return undefined;
  return holder.get((op === "SEND") === (channel === "forward") ? stage + 1 : stage - 1);
}

/** How much earlier than its cause on another rank something began, at worst: clocks are off by that at least, in ms. */
function skewOf(operations: readonly TimelineOperation[]): number {
  return operations.reduce((worst, { device, startMs, deps }) => deps.reduce((most, dep) => (operations[dep].device === device ? most : Math.max(most, operations[dep].endMs - startMs)), worst), 0);
}

const warmUp = 2;

/** As the trainer takes them from its own records: of iterations that have settled, where there are enough. */
function figuresOf(operations: readonly TimelineOperation[], devices: number, globalBatch: number | undefined): Pick<Timeline, "periodMs" | "makespanMs" | "bubbleRatio" | "throughputPerSecond"> {
  const spans = new Map<number, { startMs: number; endMs: number; busyMs: number }>();
  for (const { iteration, startMs, endMs, stream } of operations) {
    const busyMs = stream === "compute" ? endMs - startMs : 0;
    const span = spans.get(iteration);
    if (!span) spans.set(iteration, { startMs, endMs, busyMs });
    else {
      span.startMs = Math.min(span.startMs, startMs);
      span.endMs = Math.max(span.endMs, endMs);
      span.busyMs += busyMs;
    }
  }
  const inOrder = [...spans].sort(([a], [b]) => a - b).map(([, span], index, all) => ({ ...span, lengthMs: index + 1 < all.length ? all[index + 1][1].startMs - span.startMs : span.endMs - span.startMs }));
  const settled = [inOrder.slice(warmUp, -1), inOrder.slice(-2, -1)].find((some) => some.length > 0) ?? inOrder;
  const periodMs = Math.max(0, median(settled, ({ lengthMs }) => lengthMs) ?? 0);
  const busyMs = settled.reduce((sum, span) => sum + span.busyMs, 0) / settled.length;
  return {
    periodMs, makespanMs: median(settled, ({ startMs, endMs }) => endMs - startMs) ?? 0,
    bubbleRatio: periodMs > 0 ? 1 - busyMs / (devices * periodMs) : 0,
    throughputPerSecond: periodMs > 0 ? ((globalBatch ?? 0) / periodMs) * 1000 : 0,
  };
}

function noteRanks(files: readonly TraceFile[], ranks: readonly RankTrace[], placed: readonly (readonly Placed[])[], notes: string[]): void {
  const empty = ranks.filter((_, index) => placed[index].length === 0).map(({ rank }) => rank);
  if (empty.length > 0) notes.push(`Nothing of ${empty.length === 1 ? "rank" : "ranks"} ${empty.join(", ")} could be placed.`);
  const size = Math.max(0, ...files.map(({ worldSize }) => worldSize ?? 0));
  if (size > ranks.length) notes.push(`The run had ${size} ranks; ${ranks.length} of them are here.`);
  if (placed.some((list) => list.some(({ meaning: { op, stage } }) => stage === undefined && (op === "F" || op === "B")))) notes.push('"Forward" and "Backward" do not say their stage: each rank is taken as the stage of its place in the order of ranks.');
}
