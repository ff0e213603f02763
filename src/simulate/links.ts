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

/** Undefined where no two ranks ever send over one link. @param sends 1 for an operation that sends. */
export function sharedLinks(operations: readonly Operation[], rank: Int32Array, sends: Uint8Array, groups: readonly { readonly members: readonly number[] }[], { cluster, devices }: Pick<Context, "cluster" | "devices">): SharedLinks | undefined {
  const { sharedByNode } = cluster.interNode;
  const network = ({ node, index }: Device) => 2 * (devices.length + (sharedByNode ? node : index));
  const wayOut = (a: Device, b: Device) => (a.node === b.node ? 2 * a.index : network(a));
  const wayIn = (a: Device, b: Device) => (a.node === b.node ? 2 * b.index : network(b)) + 1;
  const user = new Int32Array(4 * devices.length).fill(unused);
  /** Ways that two ranks use or more, numbered. */
  const shared = new Int32Array(4 * devices.length).fill(unused);
  let count = 0;
  const use = (way: number, by: number): number => {
    if (user[way] === unused) user[way] = by;
    else if (user[way] !== by && shared[way] === unused) shared[way] = count++;
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
    const ways: number[] = [];
    for (let p = 0; op === "REDUCE" && p < peers.length; p++) {
      const from = devices[peers[p]];
      const to = devices[peers[p + 1 < peers.length ? p + 1 : 0]];
      ways.push(use(wayOut(from, to), from.index), use(wayIn(from, to), from.index));
    }
    return ways;
  });
  if (count === 0) return undefined;
  for (let i = 0; i < operations.length; i++) {
    if (!sends[i]) continue;
    out[i] = shared[out[i]];
    into[i] = shared[into[i]];
  }
  return { count, out, into, rings: rings.map((ways) => [...new Set(ways.filter((way) => shared[way] !== unused).map((way) => shared[way]))]) };
}
