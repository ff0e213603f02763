/** Times one graph of a layer: a pass of it. Runs in the measuring process. */
import type { InferenceSession } from "onnxruntime-node";
import { encodeRepeated, repeatedBytes } from "../graph/repeat";
import type { OnnxGraph } from "../model/onnx";
import { freeBytes } from "./deviceMemory";
import type { MeasureRequest, Measurement, Provider } from "./messages";
import { profiledRun } from "./runtimeProfile";
import { createSession } from "./sessions";
import { median, medianHalfWidth, quietRounds, warmRounds, type Round } from "./statistics";

/** The extra repetitions take about this long, well above a clock's and a scheduler's grain. */
const differenceMs = 5;
const mostRepeats = 9;
const leastRounds = 3;
/** Fewer rounds say little about how far the median is known. */
const leastForConfidence = 5;
const mostRounds = 40;
/** A round is made again so often where the longer run was not the longer one. */
const mostAgain = 3;
/** The confidence interval of the median that ends the rounds, to either side of it. */
const knownWithin = 0.03;
/** Where other work disturbs the rounds, this many budgets are spent on finding quiet ones. */
const patientBudgets = 3;
/** Protobuf's limit of one message, with room for the graph itself. */
const mostModelBytes = 2 ** 31 - 2 ** 24;

async function timeRun(session: InferenceSession): Promise<number> {
  const start = performance.now();
  await session.run({});
  return performance.now() - start;
}

/**
 * A layer once and a layer `repeats` times, run in turns; each turn's difference over `repeats - 1` is one time of the layer.
 * With one thread on the CPU, turns in which other work took the core are left out where enough others remain.
 * @returns Median and its confidence over the turns.
 * @throws Error from onnxruntime; RangeError where memory for the values is refused.
 */
export async function measureGraph(request: MeasureRequest): Promise<Measurement> {
  const { graph, budgetMs } = request;
  if (repeatedBytes(graph, 2) > mostModelBytes) throw new RangeError("Out of memory: weights and inputs are more than one ONNX model can hold (2 GB).");
  await assertRoom(graph, request.provider);
  const leftToCpu = request.provider === "cpu" ? undefined : await operatorsLeftToCpu(request);
  const once = await createSession(encodeRepeated(graph, 1), request);
  let often: InferenceSession | undefined;
  try {
    await timeRun(once);
    const repeats = repeatsFor(await timeRun(once), (times) => repeatedBytes(graph, times) <= mostModelBytes);
    const longer = await createSession(encodeRepeated(graph, repeats), request);
    often = longer;
    const measuresShare = request.provider === "cpu" && request.threads === 1;
    const round = async (): Promise<Round> => {
      const [cpu, start] = [process.cpuUsage(), performance.now()];
      let [short, long] = [0, 0];
      // More work that took less time says only that something else was in the way.
      for (let tries = 0; long <= short && tries <= mostAgain; tries += 1) [short, long] = [await timeRun(once), await timeRun(longer)];
      const ms = long > short ? (long - short) / (repeats - 1) : long / repeats;
      const { user, system } = process.cpuUsage(cpu);
      return { ms, coreShare: measuresShare ? Math.min(1, (user + system) / 1000 / (performance.now() - start)) : 1 };
    };
    await timeRun(longer);
    const rounds: Round[] = [];
    const start = performance.now();
    const allowedMs = () => (quietRounds(rounds).length >= leastRounds ? budgetMs : patientBudgets * budgetMs);
    const isDone = (warm: readonly Round[]) =>
      warm.length >= leastRounds && (isKnown(warm) || warm.length >= mostRounds || performance.now() - start >= allowedMs());
    do rounds.push(await round());
    while (!isDone(warmRounds(rounds)));
    const warm = warmRounds(rounds);
    const quiet = quietRounds(warm);
    const used = quiet.length >= leastRounds ? quiet : warm;
    const times = used.map(({ ms }) => ms);
    return {
      medianMs: median(times),
      spreadMs: medianHalfWidth(times),
      rounds: times.length,
      repeats,
      ...(measuresShare && { coreShare: median(used.map(({ coreShare }) => coreShare)) }),
      ...(leftToCpu && { leftToCpu }),
    };
  } finally {
    await once.release();
    await often?.release();
  }
}

/** Copies of a model's values at a time: its bytes, and those of the sessions of one run and of several. */
const copies = 3;
/** Less is not worth asking a driver what is free. */
const smallBytes = 2 ** 28;

/**
 * Rather than have the system swap or end processes, or a driver move what does not fit to the host's memory.
 * @throws RangeError where values alone would not fit the memory that is free.
 */
async function assertRoom(graph: OnnxGraph, provider: Provider): Promise<void> {
  const needed = copies * repeatedBytes(graph, 2);
  const free = needed < smallBytes ? Infinity : ((await freeBytes(provider)) ?? Infinity);
  if (needed > free) throw new RangeError(`Out of memory: timing needs ${gigabytes(needed)} at least, ${gigabytes(free)} is free.`);
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

/** The median is known well enough. */
function isKnown(rounds: readonly Round[]): boolean {
  const times = quietRounds(rounds).map(({ ms }) => ms);
  return times.length >= leastForConfidence && medianHalfWidth(times) <= knownWithin * median(times);
}

function repeatsFor(onceMs: number, fits: (repeats: number) => boolean): number {
  let repeats = Math.min(mostRepeats, Math.max(2, 1 + Math.ceil(differenceMs / Math.max(onceMs, 1e-3))));
  while (repeats > 2 && !fits(repeats)) repeats -= 1;
  return repeats;
}

/** onnxruntime gives operators that a provider lacks to the CPU without a word; its profiler knows. */
async function operatorsLeftToCpu(request: MeasureRequest): Promise<string[]> {
  const { kernels } = await profiledRun(encodeRepeated(request.graph, 1), request);
  return [...new Set(kernels.filter(({ onCpu }) => onCpu).map(({ op }) => op))].sort();
}
