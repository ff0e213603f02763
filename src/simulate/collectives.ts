/** Operations that several ranks end together: all-reduces of gradients, bucket by bucket, and the gradient norm. */
import { before, type Graph, type Times } from "./graph";

/** When a group can begin. An all-reduce that overlaps waits for its members' earlier messages only, any other for its members. */
export function groupReady({ collectives, other, rank }: Graph, index: number, { start, end }: Times, sent: Float64Array): number {
  const { members, backward } = collectives[index];
  let time = 0;
  for (const member of members) {
    const own = !backward ? start[member] : other[member] >= 0 ? end[other[member]] : other[member] === before ? sent[rank[member]] : 0;
    if (own > time) time = own;
  }
  return time;
}

/** When all members have made the gradients of a bucket of an all-reduce that overlaps their last backward pass. */
export function bucketReady({ collectives, operations }: Graph, index: number, bucket: number, { start, end }: Times): number {
  const { backward = [], buckets } = collectives[index];
  const { progress } = buckets[bucket];
  return backward.reduce((latest, op) => Math.max(latest, start[op] + progress[operations[op].op === "W" ? "W" : "B"] * (end[op] - start[op])), 0);
}

/** Begins and ends a group for all members, on links that nobody else uses. An all-reduce that overlaps sends each bucket as soon as it is made. */
export function complete(graph: Graph, index: number, times: Times, sent: Float64Array): void {
  const { members, ms, backward, buckets } = graph.collectives[index];
  const { start, end } = times;
  let time = groupReady(graph, index, times, sent);
  let first: number | undefined;
  if (backward) {
    for (let bucket = 0; bucket < buckets.length; bucket++) {
      time = Math.max(time, bucketReady(graph, index, bucket, times));
      first ??= time;
      time += buckets[bucket].ms;
    }
  } else {
    first = time;
    time += ms;
  }
  for (const member of members) {
    start[member] = first ?? start[member];
    end[member] = first === undefined ? start[member] : time;
  }
}
