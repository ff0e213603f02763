/** How much of the frozen work a plan hides. */
import type { Fill, Plan } from "../model/plan";
import type { Operation } from "../model/program";
import type { Context } from "../simulate/context";
import { durations } from "../simulate/durations";
import { isComputing, isPass, simulateGraph, type Simulation } from "../simulate/engine";
import { holdsUp, structureOf, timed } from "../simulate/graph";
import { worldSizeOf } from "./placement";
import { iterationLists } from "./rankLists";

export interface FillReport {
  /** Of the whole frozen time, the share that lies in bubbles; 0 where there is no frozen work. */
  readonly share: number;
  /** Frozen ms of each device, and the part of them that its own bubbles hold. */
  readonly devices: readonly { readonly frozenMs: number; readonly hiddenMs: number }[];
  /** Fills that run a layer for some of the samples that the device runs it for, the others being in another fill. */
  readonly partialFills: number;
}

/**
 * A device's bubbles are what its passes alone, with no frozen work on any device, leave idle before each pass and before the
 * optimizer, in a settled iteration. Fills for the next iteration are hidden as far as the bubble that ends where they stand
 * holds them; those for the iteration they stand in are not. Work before the optimizer may go on into the bubble after it,
 * since nobody waits for a rank's optimizer unless a gradient norm holds all ranks together.
 */
export function fillReport(plan: Plan, context: Context): FillReport {
  const lists = iterationLists(plan, context);
  const cost = durations({ ...plan, worldSize: worldSizeOf(plan) }, context);
  const bare = iterationLists({ ...plan, fills: [] }, context);
  const gaps = gapsOf(simulateGraph(timed(structureOf(bare, context), cost), worldSizeOf(plan), plan.batch.global));
  const devices = lists.map((list, rank) => hiddenOn(list, gaps[rank], (op) => cost.of(op, rank)));
  const total = devices.reduce((ms, device) => ms + device.frozenMs, 0);
  return { share: total > 0 ? devices.reduce((ms, device) => ms + device.hiddenMs, 0) / total : 0, devices, partialFills: partialFills(plan) };
}

function hiddenOn(list: readonly Operation[], gaps: readonly number[], msOf: (op: Operation) => number): { readonly frozenMs: number; readonly hiddenMs: number } {
  const room = [...gaps];
  let frozenMs = 0;
  let hiddenMs = 0;
  let pending = 0;
  let slot = 0;
  const hide = (at: number): void => {
    const ms = Math.min(pending, room[at]);
    room[at] -= ms;
    pending -= ms;
    hiddenMs += ms;
  };
  for (const op of list) {
    if (op.op === "FILL") {
      const ms = msOf(op);
      frozenMs += ms;
      if (op.iteration === 1) pending += ms;
    } else if (endsBubble(op)) {
      hide(slot++);
      if (op.op === "OPTIM" && !list.some((other) => other.op === "GRAD_NORM")) hide(0);
      pending = 0;
    }
  }
  return { frozenMs, hiddenMs };
}

function endsBubble({ op }: Operation): boolean {
  return isPass(op) || op === "OPTIM";
}

/** `[rank][n]`: idle ms right before the rank's n-th pass (or its optimizer), in a settled iteration. */
function gapsOf({ graph, last, previous }: Simulation): readonly (readonly number[])[] {
  const free = [...graph.lastOnRank].map((op) => (op >= 0 ? previous.end[op] : 0));
  const gaps: number[][] = free.map(() => []);
  graph.operations.forEach((op, i) => {
    const rank = graph.rank[i];
    if (endsBubble(op)) gaps[rank].push(Math.max(0, last.start[i] - free[rank]));
    if (isComputing(op) || (op.op === "SEND" && holdsUp(graph, i))) free[rank] = Math.max(free[rank], last.end[i]);
  });
  return gaps;
}

function partialFills({ fills }: Plan): number {
  const runs = new Map<string, number>();
  const keysOf = ({ device, component, from, to }: Fill) => Array.from({ length: to - from }, (_, i) => `${device} ${from + i} ${component}`);
  for (const key of fills.flatMap(keysOf)) runs.set(key, (runs.get(key) ?? 0) + 1);
  return fills.filter((fill) => keysOf(fill).some((key) => (runs.get(key) ?? 0) > 1)).length;
}
