/** How long each operation takes once it has started. */
import { linkBetween, transferMs, type Link } from "../model/cluster";
import { bytesPerElement } from "../model/costs";
import type { Stage } from "../model/plan";
import type { Operation, Program } from "../model/program";
import { crossingBytes } from "../model/workload";
import type { Context } from "./context";

/** A run of layers whose gradients are reduced together; `progress`: share of the backward pass that has made them. */
export interface Bucket {
  readonly progress: number;
  readonly ms: number;
}

/** Data-parallel runtimes reduce gradients in buckets of this size (PyTorch's default). */
const bucketBytes = 25 * 1024 * 1024;

/** What of a program decides times, besides its lists: the same lists under other cuts take other times. */
export type Timed = Pick<Program, "batch" | "dataParallel" | "optimizer" | "worldSize"> & { readonly stages: readonly Pick<Stage, "from" | "to" | "devices">[] };

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

export function stageBytes({ optimizer }: Pick<Program, "optimizer">, { costs, workload }: Context, from: number, to: number): StageBytes {
  const sums = costs.bytes(optimizer.gradDtype);
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

/** The slowest link between neighbours in the ring of `ranks`. */
function slowestLink(context: Context, ranks: readonly number[]): Link {
  const links = ranks.map((rank, i) => linkBetween(context.cluster, context.devices[rank], context.devices[ranks[(i + 1) % ranks.length]]));
  return { latencyUs: Math.max(...links.map((link) => link.latencyUs)), bandwidthGBps: Math.min(...links.map((link) => link.bandwidthGBps)) };
}

/**
 * The optimizer and the EMA are bound by memory: they read weights, gradients and states and write weights and states.
 * The gradient norm reads the gradients once, then agrees on one number up and down a tree of all ranks.
 */
export function durations(program: Timed, context: Context): Durations {
  const { workload, costs, cluster, devices } = context;
  const { stages, worldSize } = program;
  const samples = program.batch.global / program.dataParallel / program.batch.microbatches;
  const chain = costs.chain(samples);
  const stageOf = new Int32Array(worldSize);
  stages.forEach((stage, s) => stage.devices.forEach((device) => (stageOf[device] = s)));
  const own = stages.map(({ from, to }) => stageBytes(program, context, from, to));
  const forward = stages.map(({ from, to }) => chain.forward[to] - chain.forward[from]);
  const backward = stages.map(({ from, to }) => chain.backward[to] - chain.backward[from]);
  const cutBytes = (cut: number, pass: "forward" | "backward") => {
    const crossing = workload.cuts.at(cut === workload.layers.length ? 0 : cut)?.[pass];
    return crossing ? crossingBytes(crossing, samples) : 0;
  };
  const activations = stages.map(({ to }) => cutBytes(to, "forward"));
  const gradients = stages.map(({ from }) => cutBytes(from, "backward"));
  const partOf = new Map(workload.frozen.map((part, p) => [part.component, p]));
  const memoryMs = (rank: number, amount: number) => amount / (devices[rank].kind.bandwidthGBps * 1e6);
  const normMs = (2 * Math.ceil(Math.log2(Math.max(1, worldSize))) * slowestLink(context, Array.from({ length: worldSize }, (_, rank) => rank)).latencyUs) / 1e3;
  const bytesOf = (op: Operation) => (op.channel === "forward" ? activations[op.stage ?? 0] : op.channel === "backward" ? gradients[op.stage ?? 0] : (op.bytes ?? 0));
  return {
    of(op, rank) {
      switch (op.op) {
        case "F":
          return forward[op.stage ?? 0];
        case "B":
          return backward[op.stage ?? 0];
        case "FILL": {
          const part = partOf.get(op.component ?? "");
          if (part === undefined || !op.layers || !op.samples) return 0;
          const sums = costs.frozen(part, op.samples[1] - op.samples[0]);
          return sums[op.layers[1]] - sums[op.layers[0]];
        }
        case "SEND":
        case "REDISTRIBUTE":
          if (op.direction === "receive") return 0;
          return transferMs(linkBetween(cluster, devices[rank], devices[op.peer ?? rank]), bytesOf(op));
        case "OPTIM": {
          const { trained, gradients: grads, optimizer } = own[stageOf[rank]];
          return memoryMs(rank, 2 * trained + grads + 2 * optimizer);
        }
        case "EMA":
          return memoryMs(rank, own[stageOf[rank]].trained + 2 * own[stageOf[rank]].ema);
        case "GRAD_NORM":
          return memoryMs(rank, own[stageOf[rank]].gradients) + normMs;
        default:
          return 0;
      }
    },
    buckets(op) {
      const { from, to } = stages[op.stage ?? 0];
      const peers = op.peers ?? [];
      const link = slowestLink(context, peers);
      const sums = costs.bytes(program.optimizer.gradDtype).gradients;
      const whole = chain.backward[to] - chain.backward[from];
      const buckets: Bucket[] = [];
      for (let layer = to - 1, last = to; layer >= from; layer--) {
        const size = sums[last] - sums[layer];
        if (size >= bucketBytes || (layer === from && size > 0)) {
          buckets.push({ progress: whole > 0 ? (chain.backward[to] - chain.backward[layer]) / whole : 1, ms: allReduceMs(link, peers.length, size) });
          last = layer;
        }
      }
      return buckets;
    },
  };
}
