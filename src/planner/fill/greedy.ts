/**
 * Greedy filling: bubble after bubble in time order, as many whole layers of the ready frozen components as fit when split
 * over the idle devices, then part of one more layer's batch on top; of all such choices the one that fills most.
 */
import type { Fill, FillAnchor } from "../../model/plan";
import type { FrozenPart, Workload } from "../../model/workload";
import type { BatchCosts } from "./batches";
import type { Bubble } from "./bubbles";
import { Frontier } from "./frontier";
import { mergeFills } from "./merge";

export interface FillSettings {
  /** Share of each bubble that is left free. */
  readonly margin: number;
  /** Shorter bubbles stay empty, and no layer is begun for less of its batch than takes so long. */
  readonly smallestMs: number;
  /** Whether a layer may be run for part of its batch. Default true. */
  readonly partialBatches?: boolean;
}

/** What a device has room for, of one frozen part. */
export interface Room {
  /** So many samples may be in between layers at once. */
  readonly samples: number;
  /** Whether it may run layers [from, to) of `count` samples in one call, and go on from there. */
  allows(from: number, to: number, count: number): boolean;
}

/** Per part, from a time on. */
export type RoomAt = (ms: number) => readonly Room[];

interface Choice {
  /** Per part the position up to which it runs in this bubble. */
  readonly to: readonly number[];
  readonly partial?: { readonly part: number; readonly count: number };
  readonly ms: number;
}

/** Choices of whole layers per bubble that are tried at most; beyond it, later components take what is left. */
const mostChoices = 64;

/**
 * Fills for `samples` (half-open) on the devices that idle. What doesn't fit runs after the last backward pass, shared by all
 * `ranks`. `roomAt`: of a device, whichever of them that is; without an end by default.
 */
export function greedyFills(workload: Workload, costs: BatchCosts, bubbles: readonly Bubble[], ranks: readonly number[], samples: readonly [number, number], settings: FillSettings, roomAt?: RoomAt): readonly Fill[] {
  const frontier = new Frontier(workload, costs, samples);
  for (const bubble of bubbles) {
    // What several devices have in between may all come together on one of them.
    const rooms = roomAt?.(bubble.from);
    frontier.cutLots(workload.frozen.map((_, part) => rooms?.[part].samples ?? Infinity));
    const choice = fullest(workload, frontier, (bubble.to - bubble.from) * (1 - settings.margin), settings, bubble.idle.length, rooms);
    const workers = bubble.idle;
    choice.to.forEach((to, part) => frontier.takeWhole(part, to, workers));
    if (choice.partial) frontier.takePartial(choice.partial.part, choice.partial.count, workers);
  }
  const anchor: FillAnchor = { op: "OPTIM" };
  const rooms = roomAt?.(Infinity);
  frontier.cutLots(workload.frozen.map((_, part) => Math.max(1, rooms?.[part].samples ?? Infinity) * ranks.length));
  workload.frozen.forEach((_, part) => frontier.takeWhole(part, frontier.end(part), ranks.map((rank) => ({ rank, anchor }))));
  const partOf = new Map(workload.frozen.map(({ component }, part) => [component, part]));
  return mergeFills(frontier.fills, ({ component, samples: [from, to] }) => {
    const part = partOf.get(component) ?? 0;
    return costs.calls(part, to - from) === 1 && frontier.isOneLot(part, [from, to]);
  });
}

function fullest({ frozen }: Workload, frontier: Frontier, ms: number, { smallestMs, partialBatches = true }: FillSettings, workers: number, rooms: readonly Room[] | undefined): Choice {
  const to = frozen.map((_, part) => frontier.position(part));
  let best: Choice = { to: [...to], ms: 0 };
  let tried = 0;
  const isReady = (part: number) => frozen[part].after.every((other) => frontier.isThrough(other, to[other]));
  const visit = (part: number, used: number): void => {
    if (part === frozen.length) {
      tried++;
      const partial = partialBatches ? largestPartial(frozen, frontier, to, isReady, { ms: ms - used, smallestMs }, workers, rooms) : undefined;
      const filled = used + (partial?.ms ?? 0);
      if (filled > best.ms) best = { to: [...to], ms: filled, ...(partial && { partial: { part: partial.part, count: partial.count } }) };
      return;
    }
    const start = frontier.position(part);
    const end = frontier.end(part);
    let most = start;
    if (isReady(part)) while (most < end && used + frontier.wholeMs(part, most + 1, workers) <= ms) most++;
    for (let position = most; position >= start && (position === most || tried < mostChoices); position--) {
      if (rooms && !frontier.isAllowed(part, position, rooms[part])) continue;
      to[part] = position;
      visit(part + 1, used + frontier.wholeMs(part, position, workers));
    }
    to[part] = start;
  };
  visit(0, 0);
  return best;
}

/** The partial-batch layer that fills most of `ms`: each device takes as many samples as fit. */
function largestPartial(parts: readonly FrozenPart[], frontier: Frontier, to: readonly number[], isReady: (part: number) => boolean, { ms, smallestMs }: { readonly ms: number; readonly smallestMs: number }, workers: number, rooms: readonly Room[] | undefined) {
  let best: { part: number; count: number; ms: number } | undefined;
  if (ms < smallestMs) return best;
  parts.forEach((_, part) => {
    const position = to[part];
    if (position >= frontier.end(part) || !isReady(part)) return;
    const left = frontier.left(part, position);
    let each = 0;
    let low = Math.ceil(left / workers);
    // Binary search: times hardly ever fall with the batch, and less than the most that fits is a choice too.
    while (each < low) {
      const middle = Math.ceil((each + low) / 2);
      if (frontier.layerMs(part, position, middle) <= ms) each = middle;
      else low = middle - 1;
    }
    if (each === 0) return;
    const used = frontier.layerMs(part, position, each);
    if (used < smallestMs || (rooms && !frontier.isAllowed(part, position + 1, rooms[part], position))) return;
    if (!best || used > best.ms) best = { part, count: Math.min(left, each * workers), ms: used };
  });
  return best;
}
