/**
 * One iteration where messages of different ranks meet on links. A link carries one message at a time, and those that wait for
 * it go in the order in which they are ready (of equals the one listed first); the messages of an iteration go before those of
 * the next. Since ranks are followed as far as they can go before the earliest ready message is sent, no message turns up later
 * that should have gone before it.
 */
import { bucketReady, complete, groupReady } from "./collectives";
import { before, none, type Graph, type Times } from "./graph";
import type { SharedLinks } from "./links";
import { Queue } from "./queue";

/** What links are doing between iterations. */
export interface LinkState {
  /** Per link, when it becomes free. */
  readonly free: Float64Array;
  /** Per link, the operation that held it last, if it ended then. */
  readonly holder: Int32Array;
}

export function linkState({ count }: SharedLinks): LinkState {
  return { free: new Float64Array(count), holder: new Int32Array(count).fill(nobody) };
}

/** Operations of the iteration before are numbered from -1 downwards, its last one first. */
export const nobody = -(2 ** 31);

/** @param free, sent When each rank's compute and communication streams become free. */
export function walkShared(graph: Graph, links: SharedLinks, state: LinkState, free: Float64Array, sent: Float64Array, times: Times): void {
  const { start, end, heldUpBy } = times;
  const { onRank, other, ms, receives, collectives, groupOf, firstOnRank } = graph;
  const { out, into, rings } = links;
  const total = onRank.length;
  end.fill(-1);
  heldUpBy.fill(nobody);
  for (let link = 0; link < links.count; link++) if (state.holder[link] !== nobody) state.holder[link] -= total;
  const at = firstOnRank.slice(0, -1);
  // A rank waits for one operation at a time: chains of ranks, by the operation they wait for.
  const firstWaiting = new Int32Array(total).fill(none);
  const nextWaiting = new Int32Array(at.length).fill(none);
  const runnable = Array.from(at, (_, r) => r);
  const arrived = new Int32Array(collectives.length);
  const bucketOf = new Int32Array(collectives.length);
  const ready = new Queue();

  const finish = (op: number, time: number) => {
    end[op] = time;
    for (let r = firstWaiting[op]; r !== none; r = nextWaiting[r]) runnable.push(r);
    firstWaiting[op] = none;
  };
  const isBlockedBy = (op: number, r: number): boolean => {
    if (op < 0 || end[op] >= 0) return false;
    nextWaiting[r] = firstWaiting[op];
    firstWaiting[op] = r;
    return true;
  };
  /** When the link is free for a message that is ready at `time`; notes who holds it up. */
  const freeOn = (link: number, time: number, op: number): number => {
    if (link < 0 || state.free[link] <= time) return time;
    heldUpBy[op] = state.holder[link];
    return state.free[link];
  };
  const hold = (link: number, until: number, op: number) => {
    if (link < 0) return;
    state.free[link] = until;
    state.holder[link] = op;
  };
  /** The next bucket of a group's all-reduce becomes ready, or the group has sent all. */
  const nextBucket = (g: number, time: number) => {
    const { members, backward, buckets } = collectives[g];
    if (bucketOf[g] === buckets.length) for (const member of members) finish(member, time);
    else ready.push(backward ? Math.max(time, bucketReady(graph, g, bucketOf[g], times)) : time, members[0]);
  };
  const enter = (g: number) => {
    if (rings[g].length > 0) return nextBucket(g, groupReady(graph, g, times, sent));
    complete(graph, g, times, sent);
    for (const member of collectives[g].members) finish(member, end[member]);
  };
  const follow = (r: number) => {
    for (; at[r] < firstOnRank[r + 1]; at[r]++) {
      const op = at[r];
      if (isBlockedBy(onRank[op], r) || isBlockedBy(other[op], r)) return;
      const reached = onRank[op] === before ? free[r] : end[onRank[op]];
      const awaited = other[op] === none ? 0 : other[op] === before ? sent[r] : end[other[op]];
      const begin = awaited > reached ? awaited : reached;
      const group = groupOf[op];
      if (group >= 0) {
        start[op] = begin;
        if (++arrived[group] === collectives[group].members.length) enter(group);
      } else if (out[op] >= 0 || into[op] >= 0) ready.push(begin, op);
      else {
        start[op] = receives[op] ? reached : begin;
        finish(op, receives[op] ? begin : begin + ms[op]);
      }
    }
  };
  for (;;) {
    for (let r = runnable.pop(); r !== undefined; r = runnable.pop()) follow(r);
    if (ready.isEmpty) break;
    const { time, item } = ready.pop();
    const g = groupOf[item];
    if (g < 0) {
      const begin = freeOn(into[item], freeOn(out[item], time, item), item);
      start[item] = begin;
      hold(out[item], begin + ms[item], item);
      hold(into[item], begin + ms[item], item);
      finish(item, begin + ms[item]);
    } else {
      const { members, buckets } = collectives[g];
      const held = heldUpBy[members[0]];
      const begin = rings[g].reduce((latest, link) => freeOn(link, latest, members[0]), time);
      const until = begin + buckets[bucketOf[g]].ms;
      // Who waits for a bucket that others follow does not wait for the all-reduce.
      const by = bucketOf[g] + 1 === buckets.length ? members[0] : nobody;
      for (const link of rings[g]) hold(link, until, by);
      if (bucketOf[g]++ === 0) for (const member of members) start[member] = begin;
      else heldUpBy[members[0]] = held; // named is only what the first of them waited for
      nextBucket(g, until);
    }
  }
}
