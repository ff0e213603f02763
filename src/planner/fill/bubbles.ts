/** The bubbles of a simulated schedule: when which devices idle together, and before which operation that ends. */
import { anchorOps, type FillAnchor } from "../../model/plan";
import { isComputing, type Simulation } from "../../simulate/engine";
import { before, holdsUp } from "../../simulate/graph";

/** Idle time of one rank within an iteration. */
export interface Gap {
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

/**
 * Gaps of `ranks` on their compute streams in the settled iteration, between the passes and around the optimizer.
 *
 * `parted` is for more frozen work than the gaps hold. A rank ends its iteration once the encodings of all others have
 * arrived, and the optimizer waits for nobody: where a rank idles between its last and its next first pass, the work before
 * its optimizer may last until the first of the ranks has to begin the next iteration, and what comes after the optimizer
 * cannot begin before. The gap is parted there.
 */
export function gapsOf(simulation: Simulation, ranks: readonly number[], parted: boolean): readonly Gap[] {
  const { graph, last } = simulation;
  const turns = turnsOf(simulation, ranks);
  const dueMs = parted ? Math.min(...[...turns.values()].map(({ optimizer, end, first }) => first - (end - optimizer))) : -Infinity;
  const free = new Map<number, number>();
  for (const [rank, turn] of turns) free.set(rank, turn.end + delayMs(turn, dueMs));
  const gaps: Gap[] = [];
  graph.operations.forEach((op, i) => {
    const rank = graph.rank[i];
    const from = free.get(rank);
    const turn = turns.get(rank);
    // A gradient norm is idle time but for its own few microseconds; sends that hold up computing are not idle.
    const isHolding = op.op === "SEND" && holdsUp(graph, i);
    if (from === undefined || !turn || !(isComputing(op) || isHolding)) return;
        const to = last.start[i] + (op.op === "OPTIM" ? delayMs(turn, dueMs) : 0);
    if (to > from && !isHolding) gaps.push({ rank, from, to, anchor: anchorAt(graph, i) });
    free.set(rank, Math.max(from, last.end[i]));
  });
  return gaps;
}

/** What a fill right before operation `i` stands before: activations are computed again for the backward pass that follows. */
function anchorAt({ operations }: Simulation["graph"], i: number): FillAnchor {
  let at = i;
  while (operations[at].op === "R" || (at > i && operations[at].channel !== undefined)) at++;
  const { op, chain, stage, microbatch } = operations[at];
  return isAnchor(op) ? { op, chain, stage, microbatch } : { op: "OPTIM" };
}

function isAnchor(op: string): op is Exclude<FillAnchor["op"], "OPTIM"> {
  return op !== "OPTIM" && anchorOps.some((known) => known === op);
}

/** From one iteration to the next on a rank: when its optimizer starts, its list ends and its first pass starts, in ms. */
interface Turn {
  readonly optimizer: number;
  readonly end: number;
  readonly first: number;
}

function turnsOf({ graph, last, previous }: Simulation, ranks: readonly number[]): ReadonlyMap<number, Turn> {
  const optimizers = new Map<number, number>();
  const firsts = new Map<number, number>();
  graph.operations.forEach((op, i) => {
    const rank = graph.rank[i];
    if (op.op === "OPTIM") optimizers.set(rank, previous.start[i]);
    else if (op.op === "F" && !firsts.has(rank)) firsts.set(rank, last.start[i]);
  });
  const turns = new Map<number, Turn>();
  for (const rank of ranks) {
    const end = graph.lastOnRank[rank];
    if (end !== before) turns.set(rank, { optimizer: optimizers.get(rank) ?? previous.end[end], end: previous.end[end], first: firsts.get(rank) ?? previous.end[end] });
  }
  return turns;
}

/** How much later than its passes allow a rank's optimizer may start. */
function delayMs({ optimizer, end, first }: Turn, dueMs: number): number {
  return Math.max(0, Math.min(dueMs - optimizer, first - end));
}

/** Maximal intervals with one set of idle devices, in time order. Those shorter than `smallestMs` are left out. */
export function bubblesOf(gaps: readonly Gap[], smallestMs: number): readonly Bubble[] {
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
