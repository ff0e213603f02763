/**
 * A list of operations per rank as a graph of what waits for what. Each rank has one compute stream, on which its list runs in
 * order, and one communication stream for what it sends. Every stream belongs to one rank and is used in list order, so the
 * graph is known before any time is: an iteration is timed by one walk in topological order.
 */
import { UserError } from "../model/errors";
import type { Operation } from "../model/program";
import { isReceive, isSend } from "../schedule/check";
import type { Bucket, Durations } from "./durations";

/** Operations are numbered rank by rank. `before` marks the rank's last operation of the iteration before. */
export const before = -1;
export const none = -2;

export interface Graph {
  readonly operations: readonly Operation[];
  readonly rank: Int32Array;
  readonly ms: Float64Array;
  /** The operation that must end before the rank gets to this one: on its compute stream. */
  readonly onRank: Int32Array;
  /** What else it waits for: a receive its send; a send its predecessor on the communication stream; OPTIM its REDUCE. */
  readonly other: Int32Array;
  /** Operation numbers in an order in which they can be timed; ~g completes collective g. */
  readonly order: Int32Array;
  readonly collectives: readonly Collective[];
  /** Per rank, the last operation on its compute and its communication stream (or `before`). */
  readonly lastOnRank: Int32Array;
  readonly lastSent: Int32Array;
}

/** An operation that several ranks end together. */
export interface Collective {
  readonly members: readonly number[];
  /** For an all-reduce that overlaps: per member the last backward pass, and the buckets it fills. */
  readonly overlapped?: { readonly backward: readonly number[]; readonly buckets: readonly Bucket[] };
  readonly ms: number;
}

/** @throws UserError when ranks wait for each other. */
export function graphOf(lists: readonly (readonly Operation[])[], durations: Durations, overlaps: boolean): Graph {
  const operations = lists.flat();
  const rank = new Int32Array(operations.length);
  const ms = new Float64Array(operations.length);
  const onRank = new Int32Array(operations.length);
  const other = new Int32Array(operations.length).fill(none);
  const lastOnRank = new Int32Array(lists.length).fill(before);
  const lastSent = new Int32Array(lists.length).fill(before);
  const sends = new Map<string, number>();
  const receives: number[] = [];
  const groups = new Map<string, number[]>();
  const backwardOf = new Map<number, number>();
  let i = 0;
  lists.forEach((list, r) => {
    let backward = before;
    let reduce = none;
    const seen = new Map<string, number>();
    for (const op of list) {
      rank[i] = r;
      ms[i] = durations.of(op, r);
      onRank[i] = lastOnRank[r];
      let blocks = true;
      if (isSend(op)) {
        sends.set(messageKey(op, r, op.peer), i);
        other[i] = lastSent[r];
        lastSent[r] = i;
        blocks = !overlaps;
      } else if (isReceive(op)) {
        receives.push(i);
      } else if (op.op === "REDUCE" || op.op === "GRAD_NORM") {
        const kind = `${op.op} ${(op.peers ?? []).join()}`;
        const nth = seen.get(kind) ?? 0;
        seen.set(kind, nth + 1);
        groups.set(`${kind} ${nth}`, [...(groups.get(`${kind} ${nth}`) ?? []), i]);
        if (op.op === "REDUCE") {
          backwardOf.set(i, backward);
          other[i] = lastSent[r];
          lastSent[r] = reduce = i;
          blocks = !overlaps;
        } else other[i] = reduce;
      } else if (op.op === "OPTIM") other[i] = reduce;
      else if (op.op === "B") backward = i;
      if (blocks) lastOnRank[r] = i;
      i++;
    }
  });
  for (const receive of receives) {
    const op = operations[receive];
    const send = sends.get(messageKey(op, op.peer, rank[receive]));
    if (send === undefined) throw new UserError(`Rank ${rank[receive]} waits for a message on channel ${op.channel} (tag ${op.tag}) that rank ${op.peer} never sends.`);
    other[receive] = send;
  }
  const collectives = [...groups.values()].map((members): Collective => {
    const op = operations[members[0]];
    if (op.op === "GRAD_NORM") return { members, ms: Math.max(...members.map((member) => ms[member])) };
    const buckets = durations.buckets(op);
    const whole = buckets.reduce((total, bucket) => total + bucket.ms, 0);
    const backward = members.map((member) => backwardOf.get(member) ?? before);
    return overlaps && !backward.includes(before) ? { members, ms: whole, overlapped: { backward, buckets } } : { members, ms: whole };
  });
  const order = topologicalOrder(lists, onRank, other, collectives);
  return { operations, rank, ms, onRank, other, order, collectives, lastOnRank, lastSent };
}

function messageKey(op: Operation, source: number | undefined, destination: number | undefined): string {
  return `${op.channel} ${source} ${destination} ${op.iteration} ${op.tag}`;
}

function topologicalOrder(lists: readonly (readonly Operation[])[], onRank: Int32Array, other: Int32Array, collectives: readonly Collective[]): Int32Array {
  const total = onRank.length;
  const done = new Uint8Array(total);
  const collectiveOf = new Map(collectives.flatMap((collective, c) => collective.members.map((member) => [member, c] as const)));
  const missing = collectives.map((collective) => collective.members.length);
  const waiting = new Map<number, number[]>();
  const at: number[] = [];
  const ends: number[] = [];
  let offset = 0;
  for (const list of lists) {
    at.push(offset);
    ends.push((offset += list.length));
  }
  const order: number[] = [];
  const runnable = lists.map((_, r) => r);
  const finish = (op: number) => {
    done[op] = 1;
    runnable.push(...(waiting.get(op) ?? []));
    waiting.delete(op);
  };
  /** The unfinished operation that keeps `op` from being timed. */
  const blocker = (op: number) => (onRank[op] >= 0 && !done[onRank[op]] ? onRank[op] : other[op] >= 0 && !done[other[op]] ? other[op] : none);
  for (let r = runnable.pop(); r !== undefined; r = runnable.pop()) {
    for (; at[r] < ends[r]; at[r]++) {
      const op = at[r];
      const blocked = blocker(op);
      if (blocked !== none) {
        waiting.set(blocked, [...(waiting.get(blocked) ?? []), r]);
        break;
      }
      order.push(op);
      const collective = collectiveOf.get(op);
      if (collective === undefined) finish(op);
      else if (--missing[collective] === 0) {
        order.push(~collective);
        collectives[collective].members.forEach(finish);
      }
    }
  }
  if (order.length < total + collectives.length) {
    const stuck = lists.flatMap((list, r) => (at[r] < ends[r] ? [`rank ${r} at ${list[at[r] - (ends[r] - list.length)].op}`] : []));
    throw new UserError(`These ranks would wait for each other for ever: ${stuck.join(", ")}.`);
  }
  return Int32Array.from(order);
}
