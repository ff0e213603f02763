/**
 * Which messages share a link. Each device has one way out to its node and one way in, and the same to the network; where the
 * cluster says so, the devices of a node share the network's. A message holds its sender's way out and its receiver's way in as
 * long as it lasts, the ring of an all-reduce those of all its members.
 */
import type { Device } from "../model/cluster";
import type { Operation } from "../model/program";
import type { Context } from "./context";

/** Links on which messages of different ranks can meet: what one rank sends goes in its list's order anyway. */
export interface SharedLinks {
  /** Links are numbered from 0 to this, exclusive. */
  readonly count: number;
  /** Per operation the shared link out of its rank and into its peer's; -1 where it holds none. */
  readonly out: Int32Array;
  readonly into: Int32Array;
  /** Per group of operations the shared links that it holds. */
  readonly rings: readonly (readonly number[])[];
}

const unused = -1;

/**
 * Undefined where no two ranks ever send over one link. Ways that the same rings hold, and no message else, are one link here:
 * a ring of many replicas has hundreds of them.
 * @param sends 1 for an operation that sends.
 */
export function sharedLinks(operations: readonly Operation[], rank: Int32Array, sends: Uint8Array, groups: readonly { readonly members: readonly number[] }[], { cluster, devices }: Pick<Context, "cluster" | "devices">): SharedLinks | undefined {
  const { sharedByNode } = cluster.interNode;
  const network = ({ node, index }: Device) => 2 * (devices.length + (sharedByNode ? node : index));
  const wayOut = (a: Device, b: Device) => (a.node === b.node ? 2 * a.index : network(a));
  const wayIn = (a: Device, b: Device) => (a.node === b.node ? 2 * b.index : network(b)) + 1;
  const user = new Int32Array(4 * devices.length).fill(unused);
  const isShared = new Uint8Array(4 * devices.length);
  const use = (way: number, by: number): number => {
    if (user[way] === unused) user[way] = by;
    else if (user[way] !== by) isShared[way] = 1;
    return way;
  };
  const out = new Int32Array(operations.length).fill(unused);
  const into = new Int32Array(operations.length).fill(unused);
  for (let i = 0; i < operations.length; i++) {
    if (!sends[i]) continue;
    const from = devices[rank[i]];
    const to = devices[operations[i].peer ?? rank[i]];
    out[i] = use(wayOut(from, to), from.index);
    into[i] = use(wayIn(from, to), from.index);
  }
  const rings = groups.map(({ members }) => {
    const { op, peers = [] } = operations[members[0]];
    const ways = new Set<number>();
    for (let p = 0; op === "REDUCE" && p < peers.length; p++) {
      const from = devices[peers[p]];
      const to = devices[peers[p + 1 < peers.length ? p + 1 : 0]];
      ways.add(use(wayOut(from, to), from.index)).add(use(wayIn(from, to), from.index));
    }
    return ways;
  });
  if (!isShared.includes(1)) return undefined;
  const link = new Int32Array(4 * devices.length).fill(unused);
  let count = 0;
  const linkOf = (way: number): number => {
    if (isShared[way] && link[way] === unused) link[way] = count++;
    return link[way];
  };
  for (let i = 0; i < operations.length; i++) {
    if (!sends[i]) continue;
    out[i] = linkOf(out[i]);
    into[i] = linkOf(into[i]);
  }
  const ofMessages = count;
  for (const ways of rings) {
    /** Ways that were one link so far are two where only some are in this ring. */
    const parts = new Map<number, number>();
    for (const way of ways) {
      if (!isShared[way] || (link[way] !== unused && link[way] < ofMessages)) continue;
      const part = parts.get(link[way]) ?? count++;
      parts.set(link[way], part);
      link[way] = part;
    }
  }
  return { count, out, into, rings: rings.map((ways) => [...new Set([...ways].filter((way) => isShared[way]).map((way) => link[way]))]) };
}
