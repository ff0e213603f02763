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
  const firstOfNode = new Map<number, number>();
  for (const { node, index } of devices) if (!firstOfNode.has(node)) firstOfNode.set(node, index);
  const network = ({ node, index }: Device) => (cluster.interNode.sharedByNode ? (firstOfNode.get(node) ?? index) : index);
  const wayOut = (a: Device, b: Device) => (a.node === b.node ? 4 * a.index : 4 * network(a) + 2);
  const wayIn = (a: Device, b: Device) => (a.node === b.node ? 4 * b.index : 4 * network(b) + 2) + 1;
  const user = new Int32Array(4 * devices.length).fill(unused);
  const isShared = new Uint8Array(4 * devices.length);
  const use = (link: number, by: number) => {
    if (user[link] === unused) user[link] = by;
    else if (user[link] !== by) isShared[link] = 1;
  };
  const out = new Int32Array(operations.length).fill(unused);
  const into = new Int32Array(operations.length).fill(unused);
  for (let i = 0; i < operations.length; i++) {
    if (!sends[i]) continue;
    const [from, to] = [devices[rank[i]], devices[operations[i].peer ?? rank[i]]];
    use((out[i] = wayOut(from, to)), from.index);
    use((into[i] = wayIn(from, to)), from.index);
  }
  const rings = groups.map(({ members }) => {
    const { op, peers = [] } = operations[members[0]];
    if (op !== "REDUCE") return [];
    return peers.flatMap((peer, p) => {
      const [from, to] = [devices[peer], devices[peers[(p + 1) % peers.length]]];
      const links = [wayOut(from, to), wayIn(from, to)];
      for (const link of links) use(link, from.index);
      return links;
    });
  });
  if (!isShared.includes(1)) return undefined;
  for (let i = 0; i < operations.length; i++) {
    if (!sends[i]) continue;
    if (!isShared[out[i]]) out[i] = unused;
    if (!isShared[into[i]]) into[i] = unused;
  }
  return { count: user.length, out, into, rings: rings.map((links) => [...new Set(links.filter((link) => isShared[link]))]) };
}
