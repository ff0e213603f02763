/** The bubbles of a simulated schedule: when which devices idle together, and before which operation that ends. */
import type { FillAnchor } from "../../model/plan";
import { isComputing, type Simulation } from "../../simulate/engine";
import { before, holdsUp } from "../../simulate/graph";

/** Idle time of one rank within an iteration. */
interface Gap {
  readonly rank: number;
  readonly from: number;
  readonly to: number;
  readonly anchor: FillAnchor;
}

export interface Bubble {
  readonly from: number;
  readonly to: number;
  /** The devices that idle all along, and what the fills on each stand before. */
  readonly idle: readonly { readonly rank: number; readonly anchor: FillAnchor }[];
}

/** Gaps of `ranks` on their compute streams in the settled iteration, between the passes and around the optimizer. */
function gapsOf(simulation: Simulation, ranks: ReadonlySet<number>): readonly Gap[] {
  const { graph, last, previous } = simulation;
  const free = new Map<number, number>();
  for (const rank of ranks) {
    const end = graph.lastOnRank[rank];
    free.set(rank, end === before ? 0 : previous.end[end]);
  }
  const gaps: Gap[] = [];
  graph.operations.forEach((op, i) => {
    const rank = graph.rank[i];
    const from = free.get(rank);
    // A gradient norm is idle time but for its own few microseconds; sends that hold up computing are not idle.
    const isHolding = op.op === "SEND" && holdsUp(graph, i);
    if (from === undefined || !(isComputing(op) || isHolding)) return;
    if (last.start[i] > from) {
      const anchor: FillAnchor = op.op === "F" || op.op === "B" ? { op: op.op, chain: op.chain, stage: op.stage, microbatch: op.microbatch } : { op: "OPTIM" };
      if (!isHolding) gaps.push({ rank, from, to: last.start[i], anchor });
    }
    free.set(rank, Math.max(from, last.end[i]));
  });
  return gaps;
}

/** Maximal intervals with one set of idle devices, in time order. Those shorter than `smallestMs` are left out. */
export function bubblesOf(simulation: Simulation, ranks: readonly number[], smallestMs: number): readonly Bubble[] {
  const gaps = gapsOf(simulation, new Set(ranks));
  const times = [...new Set(gaps.flatMap((gap) => [gap.from, gap.to]))].sort((a, b) => a - b);
  const starting = [...gaps].sort((a, b) => a.from - b.from);
  const bubbles: Bubble[] = [];
  let open: Gap[] = [];
  let next = 0;
  for (let t = 0; t + 1 < times.length; t++) {
    open = open.filter((gap) => gap.to > times[t]);
    while (next < starting.length && starting[next].from <= times[t]) open.push(starting[next++]);
    if (open.length > 0 && times[t + 1] - times[t] >= smallestMs) {
      const idle = [...open].sort((a, b) => a.rank - b.rank).map(({ rank, anchor }) => ({ rank, anchor }));
      bubbles.push({ from: times[t], to: times[t + 1], idle });
    }
  }
  return bubbles;
}
