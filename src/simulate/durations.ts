/** How long each operation takes once it has started. */
import { linkBetween, transferMs, type Link } from "../model/cluster";
import { bytesPerElement } from "../model/costs";
import type { PlanChain } from "../model/plan";
import type { Operation, Program } from "../model/program";
import type { ChainSums } from "../model/costTable";
import { crossingBytes, nothing, stageCrossings, type Cut } from "../model/workload";
import type { Context } from "./context";

/** A run of layers whose gradients are reduced together; `progress`: share of the pass that makes them, B or W, by then. */
export interface Bucket {
  readonly progress: { readonly B: number; readonly W: number };
  readonly ms: number;
}

/** Data-parallel runtimes reduce gradients in buckets of this size (PyTorch's default). */
export const bucketBytes = 25 * 1024 * 1024;

/** What of a program decides times, besides its lists: the same lists under other cuts take other times. */
export type Timed = Pick<Program, "batch" | "dataParallel" | "optimizer" | "worldSize"> & { readonly chains: readonly PlanChain[] };

export interface Durations {
  /** Ms of an operation on `rank`; 0 for receives, which only wait. Passes and their messages are those of the stage as it is now cut. */
  of(op: Operation, rank: number): number;
  /** The all-reduce of a REDUCE operation, bucket by bucket from the stage's last layer to its first. */
  buckets(op: Operation): readonly Bucket[];
}

/** Bytes a stage's training state has on a device. Parameters of layers that learn count for gradients, states and EMA. */
export interface StageBytes {
  readonly weights: number;
  readonly trained: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly ema: number;
}

export function stageBytes({ optimizer }: Pick<Program, "optimizer">, { costs, workload }: Context, chain: number, from: number, to: number): StageBytes {
  const sums = costs.bytes(chain, optimizer.gradDtype);
  const trained = sums.trained[to] - sums.trained[from];
  const parameters = trained / bytesPerElement(workload.profile.device.precision);
  return {
    weights: sums.weights[to] - sums.weights[from],
    trained,
    gradients: sums.gradients[to] - sums.gradients[from],
    optimizer: parameters * optimizer.stateBytesPerParam,
    ema: optimizer.ema ? parameters * 4 : 0,
  };
}

/** Ring all-reduce over n ranks: 2(n-1) steps, each of which moves bytes/n (Patarasuk and Yuan, 2009). */
export function allReduceMs(link: Link, ranks: number, bytes: number): number {
  return ranks < 2 ? 0 : 2 * (ranks - 1) * transferMs(link, bytes / ranks);
}

/** The slowest link between neighbours in the ring of `ranks`; where nodes share their way to the network, so do the ring's messages. */
export function slowestLink({ cluster, devices }: Context, ranks: readonly number[]): Link {
  const { interNode } = cluster;
  /** Messages out of each node and into it. */
  const sharing = new Int32Array(interNode.sharedByNode ? 2 * devices.length : 0);
  let crowd = 1;
  let latencyUs = -Infinity;
  let bandwidthGBps = Infinity;
  for (let i = 0; i < ranks.length; i++) {
    const from = devices[ranks[i]];
    const to = devices[ranks[i + 1 < ranks.length ? i + 1 : 0]];
    const link = linkBetween(cluster, from, to);
    latencyUs = Math.max(latencyUs, link.latencyUs);
    bandwidthGBps = Math.min(bandwidthGBps, link.bandwidthGBps);
    if (from.node !== to.node && interNode.sharedByNode) crowd = Math.max(crowd, ++sharing[2 * from.node], ++sharing[2 * to.node + 1]);
  }
  return { latencyUs, bandwidthGBps: crowd > 1 ? Math.min(bandwidthGBps, interNode.bandwidthGBps / crowd) : bandwidthGBps };
}

/**
 * The optimizer, where its steps were not measured, and the EMA are bound by memory: they read weights, gradients and states and
 * write weights and states.
 * The gradient norm reads the gradients once, then agrees on one number up and down a tree of all ranks.
 */
export function durations(program: Timed, context: Context): Durations {
  const { workload, costs, cluster, devices, kinds } = context;
  const stages = program.chains.map((chain, c) => stagesOf(program, context, chain, c));
  const chainOf = new Map(program.chains.map(({ id }, c) => [id, c]));
  const stageAt = (op: Operation) => stages[chainOf.get(op.chain ?? "") ?? 0][op.stage ?? 0];
  const partOf = new Map(workload.frozen.map((part, p) => [part.component, p]));
  /** What the gradients of a rank take to read, and the messages that follow: of all ranks, so it is found out only where it is asked for. */
  let normsMs: readonly number[] | undefined;
  const normMs = (rank: number): number => (normsMs ??= gradientNormMs(program, context, stages))[rank];
  const passMs = (op: Operation, rank: number, pass: keyof ChainSums) => {
    const { from, to, samples, chain, known } = stageAt(op);
    // All micro-batches take the same.
    const found = known[pass][kinds[rank]];
    if (found !== undefined) return found;
    const sums = costs.chain(chain, samples, kinds[rank])[pass];
    return (known[pass][kinds[rank]] = sums[to] - sums[from]);
  };
  /** Both ends of a message that travels along a chain may split a micro-batch: the message has the smaller part of the two. */
  const crossingMs = (op: Operation, rank: number, pass: "forward" | "backward") => {
    const stage = stageAt(op);
    const other = stages[stage.chain][(op.stage ?? 0) + (pass === "forward" ? 1 : -1)];
    const crossing = pass === "forward" ? stage.sends.forward : other.sends.backward;
    const bytes = crossing ? crossingBytes(crossing, Math.min(stage.samples, other.samples)) : 0;
    return transferMs(linkBetween(cluster, devices[rank], devices[op.peer ?? rank]), bytes);
  };
  return {
    of(op, rank) {
      switch (op.op) {
        case "F":
        case "R":
        case "SELF_COND":
          return passMs(op, rank, "forward");
        case "B":
          return passMs(op, rank, "backward");
        case "I":
          return passMs(op, rank, "inputGrad");
        case "W":
          return passMs(op, rank, "weightGrad");
        case "FILL": {
          const part = partOf.get(op.component ?? "");
          if (part === undefined || !op.layers || !op.samples) return 0;
          const sums = costs.frozen(part, op.samples[1] - op.samples[0], kinds[rank]);
          return sums[op.layers[1]] - sums[op.layers[0]];
        }
        case "SEND":
        case "REDISTRIBUTE":
          if (op.direction === "receive") return 0;
          if (op.channel === "forward" || op.channel === "backward") return crossingMs(op, rank, op.channel);
          // A self-conditioning pass sends on what the forward pass does; from the last stage its prediction goes back.
          if (op.channel === "selfConditioning" && stages[stageAt(op).chain].length > (op.stage ?? 0) + 1) return crossingMs(op, rank, "forward");
          return transferMs(linkBetween(cluster, devices[rank], devices[op.peer ?? rank]), op.bytes ?? 0);
        case "OPTIM": {
          const { chain, from, to, own: { trained, gradients, optimizer } } = stageAt(op);
          const measured = costs.steps(chain, kinds[rank]);
          if (measured) return measured[to] - measured[from];
          return memoryMs(context, rank, 2 * trained + gradients + 2 * optimizer);
        }
        case "EMA":
          return memoryMs(context, rank, stageAt(op).own.trained + 2 * stageAt(op).own.ema);
        case "GRAD_NORM":
          return normMs(rank);
        default:
          return 0;
      }
    },
    buckets(op) {
      const { from, to, chain, samples, devices: holders } = stageAt(op);
      const peers = op.peers ?? [];
      const link = slowestLink(context, peers);
      const { gradients } = costs.bytes(chain, program.optimizer.gradDtype);
      const passes = costs.chain(chain, samples, kinds[holders[0]]);
      const share = (sums: Float64Array, layer: number) => (sums[to] > sums[from] ? (sums[to] - sums[layer]) / (sums[to] - sums[from]) : 1);
      const buckets: Bucket[] = [];
      for (let layer = to - 1, last = to; layer >= from; layer--) {
        const size = gradients[last] - gradients[layer];
        if (size >= bucketBytes || (layer === from && size > 0)) {
          buckets.push({ progress: { B: share(passes.backward, layer), W: share(passes.weightGrad, layer) }, ms: allReduceMs(link, peers.length, size) });
          last = layer;
        }
      }
      return buckets;
    },
  };
}

/** `[rank]`: ms of the gradient norm. */
function gradientNormMs({ worldSize }: Timed, context: Context, stages: readonly (readonly TimedStage[])[]): readonly number[] {
  const ranks = Array.from({ length: worldSize }, (_, rank) => rank);
  const held = ranks.map(() => 0);
  for (const { devices, own } of stages.flat()) for (const rank of new Set(devices)) held[rank] += own.gradients;
  const agreeMs = (2 * Math.ceil(Math.log2(Math.max(1, worldSize))) * slowestLink(context, ranks).latencyUs) / 1e3;
  return ranks.map((rank) => memoryMs(context, rank, held[rank]) + agreeMs);
}

/** Ms in which a device reads and writes `bytes`. */
function memoryMs({ devices }: Context, rank: number, bytes: number): number {
  return bytes / (devices[rank].kind.bandwidthGBps * 1e6);
}

/** What is known of a stage as it is now cut. `samples`: of a micro-batch, on each of the devices that share it. */
interface TimedStage {
  readonly chain: number;
  readonly from: number;
  readonly to: number;
  readonly devices: readonly number[];
  readonly samples: number;
  readonly own: StageBytes;
  /** Ms of each pass, by kind of device, once they have been asked for. */
  readonly known: Readonly<Record<keyof ChainSums, number[]>>;
  /** To the next stage and back. */
  readonly sends: Cut;
}

function stagesOf(program: Timed, context: Context, { stages }: PlanChain, chain: number): readonly TimedStage[] {
  const samples = program.batch.global / program.dataParallel / program.batch.microbatches;
  const crossings = stageCrossings(context.workload.chains[chain], stages.map(({ to }) => to), stages.map(({ devices }) => devices[0]));
  return stages.map(({ from, to, devices }, s) => ({
    chain,
    from,
    to,
    devices,
    samples: (samples * program.dataParallel) / devices.length,
    own: stageBytes(program, context, chain, from, to),
    known: { forward: [], inputGrad: [], weightGrad: [], backward: [] },
    sends: crossings[s] ?? { forward: nothing, backward: undefined },
  }));
}
