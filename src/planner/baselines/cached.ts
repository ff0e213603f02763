/** Encodings cached on disk once: the frozen work runs for the whole data set before training, and an iteration reads what it made. */
import type { Plan } from "../../model/plan";
import { crossingBytes, type Encoding } from "../../model/workload";
import type { Context } from "../../simulate/context";

/** Training alone. Memory for what was read is not counted. */
export function withoutFrozenWork(context: Context): Context {
  return { ...context, workload: { ...context.workload, frozen: [], encodings: [] } };
}

/** Those that a chain uses: what frozen components make for each other alone need not be kept. */
function kept({ workload }: Context): readonly Encoding[] {
  return workload.encodings.filter(({ positions }) => positions.some((used) => used.length > 0));
}

/** What one sample takes on disk. */
export function cachedBytesPerSample(context: Context): number {
  return kept(context).reduce((bytes, encoding) => bytes + crossingBytes(encoding, 1), 0);
}

/** Ms in which the nodes, each from a disk of its own, read an iteration's encodings; 0 where the cluster file has no `diskGBps`. */
export function readingMs(context: Context, globalBatch: number): number {
  const { cluster, devices } = context;
  if (cluster.diskGBps === undefined) return 0;
  const nodes = (devices.at(-1)?.node ?? 0) + 1;
  return (cachedBytesPerSample(context) * globalBatch) / nodes / (cluster.diskGBps * 1e6);
}

/** `plan`, made without frozen work, with reading beside its training: the longer of the two is the period. */
export function cachedPlan(plan: Plan, context: Context): Plan {
  const { periodMs } = plan.predicted;
  const slowed = Math.max(periodMs, readingMs(context, plan.batch.global));
  if (slowed === periodMs) return plan;
  const idle = (ratio: number) => 1 - ((1 - ratio) * periodMs) / slowed;
  const { bubbleRatio, waste, throughputPerSecond } = plan.predicted;
  return { ...plan, predicted: { ...plan.predicted, periodMs: slowed, bubbleRatio: idle(bubbleRatio), ...(waste !== undefined && { waste: idle(waste) }), throughputPerSecond: (throughputPerSecond * periodMs) / slowed } };
}
