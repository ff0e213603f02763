/** Local search: what is left over after the flush is evened out between devices, layer by layer. */
import type { Fill } from "../../model/plan";
import type { Workload } from "../../model/workload";
import type { Simulation } from "../../simulate/engine";
import type { BatchCosts } from "./batches";

/** Layers given away are taken from one device after another so many times at most. */
const mostRounds = 6;

/** How many layers more or fewer than those whose time is right are tried too: what is sent differs between layers. */
const reach = [0, 1, -1, 2];

/**
 * Moves the last layers of a fill after the flush from the busiest of `ranks` to the idlest, as long as `score` (of fills and
 * their simulation) falls and what there is then `fits`. Only work that no other frozen work waits for is moved, so that no order can close a circle.
 */
export function balanced(workload: Workload, batches: BatchCosts, ranks: readonly number[], start: readonly Fill[], simulate: (fills: readonly Fill[]) => Simulation, score: (fills: readonly Fill[], periodMs: number) => number, fits: (simulation: Simulation) => boolean): { readonly fills: readonly Fill[]; readonly periodMs: number } {
  let fills = start;
  let now = simulate(start);
  for (let round = 0; round < mostRounds; round++) {
    const byLoad = [...ranks].sort((a, b) => now.busyMs[b] - now.busyMs[a]);
    const [giver, taker] = [byLoad[0], byLoad[byLoad.length - 1]];
    const surplus = (now.busyMs[giver] - now.busyMs[taker]) / 2;
    const last = fills.findLastIndex((fill) => fill.device === giver && fill.before.op === "OPTIM" && isLeaf(workload, fill));
    if (giver === taker || last < 0) break;
    const better = tails(workload, batches, fills[last], surplus)
      .map((at) => moved(fills, last, at, taker))
      .map((candidate) => ({ candidate, simulation: simulate(candidate) }))
      .find(({ candidate, simulation }) => score(candidate, simulation.periodMs) < score(fills, now.periodMs) && fits(simulation));
    if (!better) break;
    fills = better.candidate;
    now = better.simulation;
  }
  return { fills, periodMs: now.periodMs };
}

function isLeaf(workload: Workload, fill: Fill): boolean {
  const part = workload.frozen.findIndex(({ component }) => component === fill.component);
  return fill.to === workload.frozen[part].to && workload.frozen.every(({ after }) => !after.includes(part));
}

/** Layers from which on `fill` could be given away: where the rest takes nearly `ms`, nearest first. */
function tails(workload: Workload, batches: BatchCosts, fill: Fill, ms: number): readonly number[] {
  const part = workload.frozen.findIndex(({ component }) => component === fill.component);
  const sums = batches.sums(part, fill.samples[1] - fill.samples[0]);
  let nearest = fill.to;
  while (nearest > fill.from && sums[fill.to] - sums[nearest] < ms) nearest--;
  return reach.map((by) => nearest + by).filter((layer) => layer >= fill.from && layer < fill.to);
}

function moved(fills: readonly Fill[], index: number, layer: number, taker: number): readonly Fill[] {
  const fill = fills[index];
  const rest = layer > fill.from ? [{ ...fill, to: layer }] : [];
  return [...fills.slice(0, index), ...rest, ...fills.slice(index + 1), { ...fill, from: layer, device: taker }];
}
