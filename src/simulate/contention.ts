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

/**
 * A search spends much of its time in this loop: it follows ranks in place, over local variables.
 * @param free, sent When each rank's compute and communication streams become free.
 */
export function walkShared(graph: Graph, links: SharedLinks, state: LinkState, free: Float64Array, sent: Float64Array, times: Times): void {
  const { start, end, heldUpBy } = times;
  const { onRank, other, ms, receives, collectives, groupOf, firstOnRank, present } = graph;
  const { out, into, rings } = links;
  const { free: linkFree, holder } = state;
  const total = onRank.length;
  end.fill(-1);
  heldUpBy.fill(nobody);
  for (let link = 0; link < links.count; link++) if (holder[link] !== nobody) holder[link] -= total;
  const at = firstOnRank.slice(0, -1);
  // A rank waits for one operation at a time: chains of ranks, by the operation they wait for.
  const firstWaiting = new Int32Array(total).fill(none);
  const nextWaiting = new Int32Array(at.length);
  const runnable = [...present];
  const arrived = new Int32Array(collectives.length);
  const bucketOf = new Int32Array(collectives.length);
  const ready = new Queue();

  const wake = (op: number) => {
    for (let r = firstWaiting[op]; r !== none; r = nextWaiting[r]) runnable.push(r);
  };
  const finish = (op: number, time: number) => {
    end[op] = time;
    if (firstWaiting[op] !== none) wake(op);
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
  /** When the link is free for a message that is ready at `time`; notes who holds it up. */
  const freeOn = (link: number, time: number, op: number): number => {
    if (link < 0 || linkFree[link] <= time) return time;
    heldUpBy[op] = holder[link];
    return linkFree[link];
  };
  const hold = (link: number, until: number, op: number) => {
    if (link < 0) return;
    linkFree[link] = until;
    holder[link] = op;
  };
  const sendBucket = (g: number, time: number) => {
    const { members, buckets } = collectives[g];
    const held = heldUpBy[members[0]];
    let begin = time;
    for (const link of rings[g]) begin = freeOn(link, begin, members[0]);
    const until = begin + buckets[bucketOf[g]].ms;
    // Who waits for a bucket that others follow does not wait for the all-reduce.
    const by = bucketOf[g] + 1 === buckets.length ? members[0] : nobody;
    for (const link of rings[g]) hold(link, until, by);
    if (bucketOf[g]++ === 0) for (const member of members) start[member] = begin;
    else heldUpBy[members[0]] = held; // named is only what the first of them waited for
    nextBucket(g, until);
  };
  for (;;) {
    for (let r = runnable.pop(); r !== undefined; r = runnable.pop()) {
      const last = firstOnRank[r + 1];
      let op = at[r];
      for (; op < last; op++) {
        const ahead = onRank[op];
        const awaited = other[op];
        const blocker = ahead >= 0 && end[ahead] < 0 ? ahead : awaited >= 0 && end[awaited] < 0 ? awaited : none;
        if (blocker !== none) {
          nextWaiting[r] = firstWaiting[blocker];
          firstWaiting[blocker] = r;
          break;
        }
        const reached = ahead === before ? free[r] : end[ahead];
        const there = awaited === none ? 0 : awaited === before ? sent[r] : end[awaited];
        const begin = there > reached ? there : reached;
        if (groupOf[op] >= 0) {
          start[op] = begin;
          if (++arrived[groupOf[op]] === collectives[groupOf[op]].members.length) enter(groupOf[op]);
        } else if (receives[op]) {
          start[op] = reached;
          finish(op, begin);
        } else if (out[op] >= 0 || into[op] >= 0) ready.push(begin, op);
        else {
          start[op] = begin;
          finish(op, begin + ms[op]);
        }
      }
      at[r] = op;
    }
    if (ready.isEmpty) break;
    const time = ready.firstTime;
    const op = ready.pop();
    if (groupOf[op] >= 0) {
      sendBucket(groupOf[op], time);
      continue;
    }
    const begin = freeOn(into[op], freeOn(out[op], time, op), op);
    start[op] = begin;
    hold(out[op], begin + ms[op], op);
    hold(into[op], begin + ms[op], op);
    finish(op, begin + ms[op]);
  }
}
