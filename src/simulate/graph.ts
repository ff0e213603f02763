/**
 * A list of operations per rank as a graph of what waits for what. Each rank has one compute stream, on which its list runs in
 * order, and one communication stream for what it sends. Every stream belongs to one rank and is used in list order, so the
 * graph is known before any time is. Only links that several ranks send over are used in an order that times decide.
 */
import { UserError } from "../model/errors";
import type { Operation } from "../model/program";
import { isReceive, isSend } from "../schedule/check";
import { channelOrder } from "../schedule/communication";
import type { Context } from "./context";
import type { Bucket, Durations } from "./durations";
import { sharedLinks, type SharedLinks } from "./links";

/** Operations are numbered rank by rank. `before` marks the rank's last operation of the iteration before. */
export const before = -1;
export const none = -2;

/** What waits for what, whatever it takes: all of a graph but its times. */
export interface Structure {
  readonly operations: readonly Operation[];
  readonly rank: Int32Array;
  /** An operation on the rank that takes as long wherever stages are cut, the first such one: it differs in its micro-batch at most. */
  readonly like: Int32Array;
  /** 1 for an operation that only waits for a message. */
  readonly receives: Uint8Array;
  /** The operation that must end before the rank gets to this one: on its compute stream. */
  readonly onRank: Int32Array;
  /** What else it waits for: a receive its send; a send its predecessor on the communication stream; OPTIM its REDUCE. */
  readonly other: Int32Array;
  /** Operation numbers in an order in which they can be timed; ~g completes group g. */
  readonly order: Int32Array;
  /** Operations that several ranks end together. */
  readonly groups: readonly Group[];
  /** The group of an operation; `none` where it is in none. */
  readonly groupOf: Int32Array;
  /** Undefined where no link is sent over by more than one rank. */
  readonly links: SharedLinks | undefined;
  /** Per rank its first operation, and one entry more for the end. */
  readonly firstOnRank: Int32Array;
  /** Per rank, the last operation on its compute and its communication stream (or `before`). */
  readonly lastOnRank: Int32Array;
  readonly lastSent: Int32Array;
  /** Ranks that have operations. */
  readonly present: readonly number[];
}

/** Start and end in ms of each operation of a graph. A receive lasts from when its rank gets to it until the data is there. */
export interface Times {
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** The operation whose message a message waited for on a link: of this iteration, or counted back from its first (-1 is the last of the one before); less than that for nobody. */
  readonly heldUpBy: Int32Array;
}

interface Group {
  readonly members: readonly number[];
  /** For an all-reduce that overlaps: per member the last backward pass. */
  readonly backward?: readonly number[];
}

export interface Graph extends Structure {
  readonly ms: Float64Array;
  readonly collectives: readonly Collective[];
}

export interface Collective extends Group {
  /** For an all-reduce that overlaps: the buckets that the backward passes fill. */
  readonly buckets: readonly Bucket[];
  readonly ms: number;
}

/** The structure with times. Lists that differ in nothing but where stages are cut share one structure. */
export function timed(structure: Structure, durations: Durations): Graph {
  const { operations, rank, like, groups } = structure;
  const ms = new Float64Array(operations.length);
  for (let i = 0; i < ms.length; i++) ms[i] = like[i] < i ? ms[like[i]] : durations.of(operations[i], rank[i]);
  const collectives = groups.map((group): Collective => {
    const op = operations[group.members[0]];
    if (op.op === "GRAD_NORM") return { ...group, buckets: [], ms: group.members.reduce((most, member) => Math.max(most, ms[member]), 0) };
    const buckets = durations.buckets(op);
    return { ...group, buckets, ms: buckets.reduce((total, bucket) => total + bucket.ms, 0) };
  });
  return { ...structure, ms, collectives };
}

/**
 * The structure of one iteration's lists, one list per rank. Ranks may be left out (empty lists) where they do the same as
 * others at the same time.
 * @throws UserError when ranks wait for each other.
 */
export function structureOf(lists: readonly (readonly Operation[])[], context: Pick<Context, "cluster" | "devices" | "overlaps">): Structure {
  const { overlaps } = context;
  const operations = new Array<Operation>().concat(...lists); // several times as quick as flat
  const rank = new Int32Array(operations.length);
  const like = new Int32Array(operations.length);
  const receives = new Uint8Array(operations.length);
  const isSender = new Uint8Array(operations.length);
  const onRank = new Int32Array(operations.length);
  const other = new Int32Array(operations.length).fill(none);
  const lastOnRank = new Int32Array(lists.length).fill(before);
  const lastSent = new Int32Array(lists.length).fill(before);
  const firstOnRank = new Int32Array(lists.length + 1);
  const present = lists.flatMap((list, r) => (list.length > 0 ? [r] : []));
  const sends = new Messages(lists.length);
  const groups = new Map<string, { members: number[]; backward: number[] }>();
  const ringOf = rings();
  const addTo = (key: string, member: number, backward?: number) => {
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { members: [], backward: [] }));
    group.members.push(member);
    if (backward !== undefined) group.backward.push(backward);
  };
  let i = 0;
  for (const r of present) {
    const list = lists[r];
    const first = i;
    const kinds: number[] = [];
    let reduce = none;
    let norms = 0;
    for (const op of list) {
      rank[i] = r;
      like[i] = i;
      onRank[i] = lastOnRank[r];
      let blocks = true;
      switch (op.op) {
        case "SEND":
        case "RECV":
        case "REDISTRIBUTE":
          if (isReceive(op)) receives[i] = 1;
          else if (isSend(op)) {
            isSender[i] = 1;
            like[i] = likeOf(operations, i, kinds);
            sends.between(op, r, op.peer ?? r)[op.tag ?? 0] = i;
            other[i] = lastSent[r];
            lastSent[r] = i;
            blocks = !overlaps;
          }
          break;
        case "REDUCE":
          addTo(`REDUCE ${op.chain} ${op.stage} ${ringOf(op.peers ?? [])}`, i, lastBackward(list, op, first));
          other[i] = lastSent[r];
          lastSent[r] = reduce = i;
          blocks = !overlaps;
          break;
        case "GRAD_NORM":
          addTo(`GRAD_NORM ${norms++}`, i);
          other[i] = reduce;
          break;
        case "OPTIM":
          other[i] = reduce;
          break;
        default:
          like[i] = likeOf(operations, i, kinds);
      }
      if (blocks) lastOnRank[r] = i;
      i++;
    }
  }
  lists.forEach(({ length }, r) => (firstOnRank[r + 1] = firstOnRank[r] + length));
  for (let receive = 0; receive < operations.length; receive++) {
    if (!receives[receive]) continue;
    const op = operations[receive];
    const send: number | undefined = sends.between(op, op.peer ?? rank[receive], rank[receive])[op.tag ?? 0];
    if (send === undefined) throw new UserError(`Rank ${rank[receive]} waits for a message on channel ${op.channel} (tag ${op.tag}) that rank ${op.peer} never sends.`);
    other[receive] = send;
  }
  const made = [...groups.values()].map(({ members, backward }): Group => (overlaps && backward.length > 0 && !backward.includes(before) ? { members, backward } : { members }));
  const groupOf = new Int32Array(operations.length).fill(none);
  made.forEach(({ members }, g) => members.forEach((member) => (groupOf[member] = g)));
  const order = topologicalOrder(operations, firstOnRank, present, onRank, other, made, groupOf);
  return { operations, rank, like, receives, onRank, other, order, groups: made, groupOf, links: sharedLinks(operations, rank, isSender, made, context), firstOnRank, lastOnRank, lastSent, present };
}

/** The last pass that makes gradients of a REDUCE, in a list whose operations are numbered from `first`. */
function lastBackward(list: readonly Operation[], { chain, stage }: Operation, first: number): number {
  const last = list.findLastIndex((pass) => (pass.op === "B" || pass.op === "W") && pass.stage === stage && pass.chain === chain);
  return last < 0 ? before : first + last;
}

/** Whether what follows on the rank waits for this send. */
export function holdsUp({ rank, onRank }: Structure, send: number): boolean {
  return send + 1 < rank.length && rank[send + 1] === rank[send] && onRank[send + 1] === send;
}

/** The first of the operations `kinds` of a rank that takes as long as operation `i`, which is added where there is none. */
function likeOf(operations: readonly Operation[], i: number, kinds: number[]): number {
  const { op, chain, stage, microbatch, channel, peer, bytes, direction } = operations[i];
  if (microbatch === undefined) return i;
  for (const kind of kinds) {
    const other = operations[kind];
    if (other.op === op && other.stage === stage && other.chain === chain && other.channel === channel && other.peer === peer && other.bytes === bytes && other.direction === direction) return kind;
  }
  kinds.push(i);
  return i;
}

/** Numbers lists of ranks by what is in them; most are one and the same list. */
function rings(): (peers: readonly number[]) => number {
  const known = new Map<readonly number[], number>();
  const numbers = new Map<string, number>();
  return (peers) => {
    let ring = known.get(peers);
    if (ring === undefined) {
      const members = peers.join();
      ring = numbers.get(members) ?? numbers.size;
      numbers.set(members, ring);
      known.set(peers, ring);
    }
    return ring;
  };
}

/** Sends by their tags, in one list for each channel and iteration between two ranks. */
class Messages {
  private readonly lists = new Map<number, number[]>();

  constructor(private readonly ranks: number) {}

  between({ channel, iteration }: Operation, source: number, destination: number): number[] {
    const key = ((channelOrder(channel) * 2 + iteration) * this.ranks + source) * this.ranks + destination;
    let list = this.lists.get(key);
    if (!list) this.lists.set(key, (list = []));
    return list;
  }
}

/** @throws UserError when ranks wait for each other. */
function topologicalOrder(operations: readonly Operation[], firstOnRank: Int32Array, present: readonly number[], onRank: Int32Array, other: Int32Array, groups: readonly Group[], groupOf: Int32Array): Int32Array {
  const total = onRank.length;
  const done = new Uint8Array(total);
  const missing = groups.map(({ members }) => members.length);
  const at = firstOnRank.slice(0, -1);
  // A rank waits for one operation at a time: chains of ranks, by the operation they wait for.
  const firstWaiting = new Int32Array(total).fill(none);
  const nextWaiting = new Int32Array(at.length).fill(none);
  const order = new Int32Array(total + groups.length);
  let placed = 0;
  const runnable = [...present];
  const finish = (op: number) => {
    done[op] = 1;
    for (let r = firstWaiting[op]; r !== none; r = nextWaiting[r]) runnable.push(r);
    firstWaiting[op] = none;
  };
  for (let r = runnable.pop(); r !== undefined; r = runnable.pop()) {
    for (; at[r] < firstOnRank[r + 1]; at[r]++) {
      const op = at[r];
      const blocker = onRank[op] >= 0 && !done[onRank[op]] ? onRank[op] : other[op] >= 0 && !done[other[op]] ? other[op] : none;
      if (blocker !== none) {
        nextWaiting[r] = firstWaiting[blocker];
        firstWaiting[blocker] = r;
        break;
      }
      order[placed++] = op;
      const group = groupOf[op];
      if (group === none) finish(op);
      else if (--missing[group] === 0) {
        order[placed++] = ~group;
        groups[group].members.forEach(finish);
      }
    }
  }
  if (placed < order.length) {
    const stuck = Array.from(at).flatMap((op, r) => (op < firstOnRank[r + 1] ? [`rank ${r} at ${operations[op].op}`] : []));
    throw new UserError(`These ranks would wait for each other for ever: ${stuck.join(", ")}.`);
  }
  return order;
}
