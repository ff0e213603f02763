/** What frozen work makes other ranks wait for: activations between fills, and finished encodings on their way to the stages. */
import type { Operation } from "../model/program";
import type { Plan, Range } from "../model/plan";
import { crossingBytes, type Encoding, type Workload } from "../model/workload";
import type { Transfer } from "../schedule/communication";
import type { Context } from "../simulate/context";
import { heldSamples, holdingsOf } from "./placement";

export interface FrozenLayers {
  readonly part: number;
  readonly layers: Range;
}

interface PlacedFill extends FrozenLayers {
  readonly rank: number;
  readonly index: number;
  readonly samples: Range;
  readonly iteration: 0 | 1;
}

export function overlap(a: Range, b: Range): Range | undefined {
  const from = Math.max(a[0], b[0]);
  const to = Math.min(a[1], b[1]);
  return from < to ? [from, to] : undefined;
}

function placedFills(lists: readonly (readonly Operation[])[], workload: Workload): readonly PlacedFill[] {
  const partOf = new Map(workload.frozen.map((part, p) => [part.component, p]));
  const fills: PlacedFill[] = [];
  lists.forEach((list, rank) =>
    list.forEach((operation, index) => {
      if (operation.op !== "FILL") return;
      const { component, layers, samples, iteration } = operation;
      const part = component === undefined ? undefined : partOf.get(component);
      if (part !== undefined && layers && samples) fills.push({ rank, index, part, layers, samples, iteration });
    }),
  );
  return fills;
}

/**
 * Transfers of the fills in `lists` (one list per rank, no communication yet). Encodings of a fill that serves this iteration
 * are wanted before the rank's first pass, those for the next at the list's end.
 */
export function frozenTransfers(plan: Plan, { workload }: Context, lists: readonly (readonly Operation[])[], replicas: readonly number[]): readonly Transfer[] {
  const fills = placedFills(lists, workload);
  if (fills.length === 0) return [];
  const parts = workload.frozen.length;
  const endingAt = groupBy(fills, (fill) => fill.layers[1] * parts + fill.part);
  const makersOf = groupBy(workload.encodings.flatMap((encoding) => (encoding.parts.length > 0 ? fills.filter((fill) => makes(fill, encoding)).map((fill) => ({ encoding, fill })) : [])), ({ encoding }) => workload.encodings.indexOf(encoding));
  const transfers: Transfer[] = [];
  /** Which samples of an encoding have come to a rank for an earlier fill. */
  const there = new Map<number, Uint8Array>();
  for (const fill of fills) {
    if (fill.layers[0] > 0) betweenLayers(workload, fill, endingAt.get(fill.layers[0] * parts + fill.part) ?? [], transfers);
    workload.encodings.forEach((encoding, e) => {
      if (encoding.parts.length === 0 || !uses(encoding, fill)) return;
      const key = fill.rank * workload.encodings.length + e;
      let held = there.get(key);
      if (!held) there.set(key, (held = new Uint8Array(plan.batch.global)));
      betweenParts(workload, fill, encoding, makersOf.get(e) ?? [], held, transfers);
    });
  }
  const firstPass = lists.map((list) => {
    const index = list.findIndex((op) => op.op === "F" || op.op === "SELF_COND");
    return index < 0 ? list.length : index;
  });
  const receivers = receiversOf(plan, workload, replicas);
  const share = plan.batch.global / plan.dataParallel;
  const ofReplica = groupBy(receivers.map(({ replica }, at) => ({ replica, at })), ({ replica }) => replica);
  /** Those that compute some of a range of samples, in the order of all: few of many. */
  const receiversOfSamples = ([from, to]: Range) => {
    const found: number[] = [];
    for (let replica = Math.floor(from / share); replica * share < to; replica++) for (const { at } of ofReplica.get(replica) ?? []) found.push(at);
    return found.sort((a, b) => a - b).map((at) => receivers[at]);
  };
  for (const fill of fills) {
    const made = workload.encodings.filter((encoding) => makes(fill, encoding));
    if (made.length > 0) toStages(workload, fill, made, receiversOfSamples(fill.samples), (rank) => (fill.iteration === 1 ? lists[rank].length : firstPass[rank]), transfers);
  }
  return transfers;
}

function betweenLayers(workload: Workload, fill: PlacedFill, makers: readonly PlacedFill[], transfers: Transfer[]): void {
  const part = workload.frozen[fill.part];
  const crossing = part.crossings[fill.layers[0]];
  for (const maker of makers) {
    if (maker.rank === fill.rank || maker.iteration !== fill.iteration) continue;
    const samples = overlap(maker.samples, fill.samples);
    if (samples) transfers.push(move("intermediate", maker, fill, part.component, samples, crossing.tensors, crossingBytes(crossing, samples[1] - samples[0])));
  }
}

/** `held`: 1 for samples whose encoding is on the fill's rank already. */
function betweenParts(workload: Workload, fill: PlacedFill, encoding: Encoding, makers: readonly { readonly fill: PlacedFill }[], held: Uint8Array, transfers: Transfer[]): void {
  const { component } = workload.frozen[encoding.part];
  const tensors = encoding.id === undefined ? [] : [encoding.id];
  for (const { fill: maker } of makers) {
    const samples = maker.rank === fill.rank || maker.iteration !== fill.iteration ? undefined : overlap(maker.samples, fill.samples);
    for (let from = samples?.[0] ?? 0; samples && from < samples[1]; from++) {
      if (held[from]) continue;
      let to = from;
      while (to < samples[1] && !held[to]) held[to++] = 1;
      transfers.push(move("encoding", maker, fill, component, [from, to], tensors, crossingBytes(encoding, to - from)));
      from = to;
    }
  }
}

/** Whether layers of a frozen part take an encoding. */
export function uses({ parts }: Encoding, { part, layers }: FrozenLayers): boolean {
  return parts.some((user) => user.part === part && user.layers.some((layer) => layers[0] <= layer && layer < layers[1]));
}

/** Whether layers of a frozen part make it. */
export function makes(fill: FrozenLayers, encoding: Encoding): boolean {
  return fill.part === encoding.part && fill.layers[0] <= encoding.layer && encoding.layer < fill.layers[1];
}

function move(channel: "intermediate" | "encoding", maker: PlacedFill, fill: PlacedFill, component: string, samples: Range, tensors: readonly string[], bytes: number): Transfer {
  return { channel, iteration: fill.iteration, source: maker.rank, destination: fill.rank, after: maker.index, before: fill.index, component, samples, tensors, bytes };
}

/** A rank that computes some of the samples of a replica, and which encodings the stages that it does so with use. */
interface Receiver {
  readonly rank: number;
  readonly replica: number;
  readonly samples: readonly Range[];
  readonly uses: readonly boolean[];
}

function receiversOf(plan: Plan, { encodings }: Workload, replicas: readonly number[]): readonly Receiver[] {
  const wanted = new Set(replicas);
  return holdingsOf(plan).flatMap((held, rank) => {
    const owners = [...new Set(held.map(({ replica }) => replica))].filter((replica) => wanted.has(replica));
    return owners.map((replica): Receiver => {
      const own = held.filter((holding) => holding.replica === replica);
      const ranges = own.map(({ chain, stage }) => ({ chain, ...plan.chains[chain].stages[stage] }));
      const uses = encodings.map(({ positions }) => ranges.some(({ chain, from, to }) => positions[chain].some((position) => position >= from && position < to)));
      return { rank, replica, samples: heldSamples(plan, own[0]), uses };
    });
  });
}

/** @param made What the fill makes. */
function toStages({ encodings, frozen }: Workload, fill: PlacedFill, made: readonly Encoding[], receivers: readonly Receiver[], wanted: (rank: number) => number, transfers: Transfer[]): void {
  const { component } = frozen[fill.part];
  for (const { rank, samples: owned, uses } of receivers) {
    if (rank === fill.rank) continue;
    const needed = made.filter((encoding) => uses[encodings.indexOf(encoding)]);
    if (needed.length === 0) continue;
    const tensors: string[] = [];
    for (const { id } of needed) if (id !== undefined) tensors.push(id);
    for (const range of owned) {
      const samples = overlap(fill.samples, range);
      if (!samples) continue;
      const bytes = needed.reduce((total, encoding) => total + crossingBytes(encoding, samples[1] - samples[0]), 0);
      transfers.push({ channel: "encoding", iteration: fill.iteration, source: fill.rank, destination: rank, after: fill.index, before: wanted(rank), component, samples, tensors, bytes });
    }
  }
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => number): ReadonlyMap<number, readonly T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
