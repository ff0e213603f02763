/** How long the nodes' ways to the network are in use, of which looks at one pipeline alone see only that pipeline's part. */
import { transferMs } from "../model/cluster";
import type { Plan } from "../model/plan";
import { crossingBytes, stageCrossings } from "../model/workload";
import { microbatchSamples } from "../plan/placement";
import type { Context } from "../simulate/context";
import { allReduceMs, slowestLink } from "../simulate/durations";
import { firstCuts } from "./cuts";

/** What one way carries of each stage of a chain: messages to the next stage, gradients to the one before, and how many all-reduces hold it. */
interface Load {
  readonly forward: number[];
  readonly backward: number[];
  readonly ring: number[];
}

/**
 * Ms per iteration that the busiest way of a node is in use at some cuts (as `withCuts` takes them): no plan with these is faster.
 * 0 where devices have ways of their own, or where several devices share a stage.
 */
export function busiestWay(plan: Plan, context: Context): (cuts: readonly number[]) => number {
  const { cluster, devices, workload, costs } = context;
  const { dataParallel, chains, batch: { microbatches } } = plan;
  const isAlone = !cluster.interNode.sharedByNode || devices.at(-1)?.node === 0;
  if (isAlone || chains.some(({ stages }) => stages.some((stage) => stage.devices.length !== dataParallel))) return () => 0;
  const first = firstCuts(chains.map(({ stages }) => stages.length));
  const loads = loadsOf(plan, context);
  const samples = microbatchSamples(plan);
  const rings = chains.map(({ stages }) => stages.map((stage) => slowestLink(context, stage.devices)));
  return (cuts) => {
    const ms = new Float64Array(loads.length);
    chains.forEach(({ stages }, c) => {
      const at = first[c];
      const work = workload.chains[c];
      const { gradients } = costs.bytes(c, plan.optimizer.gradDtype);
      const ends = stages.map((_, s) => cuts[at + s + 1] - cuts[at]);
      const sends = stageCrossings(work, ends, stages.map((stage) => stage.devices[0]));
      stages.forEach((_, s) => {
        const { forward, backward } = sends[s] ?? {};
        const to = ends[s];
        const sentMs = forward ? microbatches * transferMs(cluster.interNode, crossingBytes(forward, samples)) : 0;
        const backMs = backward ? microbatches * transferMs(cluster.interNode, crossingBytes(backward, samples)) : 0;
        const bytes = gradients[to] - gradients[s > 0 ? ends[s - 1] : 0];
        const ringMs = bytes > 0 ? allReduceMs(rings[c][s], dataParallel, bytes) : 0;
        for (let way = 0; way < loads.length; way++) {
          const load = loads[way];
          ms[way] += load.forward[at + s] * sentMs + load.backward[at + s] * backMs + load.ring[at + s] * ringMs;
        }
      });
    });
    return ms.reduce((most, own) => Math.max(most, own), 0) * (1 - 1e-9);
  };
}

/** Of all ways those that differ. `[stage]` counts the stages of all chains. */
function loadsOf({ chains, dataParallel }: Plan, { devices }: Context): readonly Load[] {
  const count = chains.reduce((sum, { stages }) => sum + stages.length, 0);
  const ways = new Map<number, Load>();
  const nothing = () => new Array<number>(count).fill(0);
  const wayOf = (number: number): Load => {
    const way = ways.get(number) ?? { forward: nothing(), backward: nothing(), ring: nothing() };
    ways.set(number, way);
    return way;
  };
  let stage = 0;
  for (const { stages } of chains) {
    stages.forEach(({ devices: ranks }, s) => {
      const held = new Set<number>();
      ranks.forEach((rank, r) => {
        const { node } = devices[rank];
        const below = stages[s + 1] && devices[stages[s + 1].devices[r]].node;
        if (below !== undefined && below !== node) {
          wayOf(2 * node).forward[stage]++;
          wayOf(2 * below + 1).forward[stage]++;
          wayOf(2 * below).backward[stage]++;
          wayOf(2 * node + 1).backward[stage]++;
        }
        const { node: next } = devices[ranks[(r + 1) % dataParallel]];
        if (next !== node) held.add(2 * node).add(2 * next + 1);
      });
      for (const way of held) wayOf(way).ring[stage] = 1;
      stage++;
    });
  }
  return [...new Map([...ways.values()].map((load) => [JSON.stringify(load), load])).values()];
}
