/** How long each operation takes once it has started. */
import { linkBetween, transferMs, type Link } from "../model/cluster";
import { bytesPerElement, gradBytes } from "../model/costs";
import type { Operation, Program } from "../model/program";
import type { Context } from "./context";

/** A run of layers whose gradients are reduced together; `progress`: share of the backward pass that has made them. */
export interface Bucket {
  readonly progress: number;
  readonly ms: number;
}

/** Data-parallel runtimes reduce gradients in buckets of this size (PyTorch's default). */
const bucketBytes = 25 * 1024 * 1024;

export interface Durations {
  /** Ms of an operation on `rank`; 0 for receives, which only wait. */
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

export function stageBytes(program: Pick<Program, "optimizer">, context: Context, from: number, to: number): StageBytes {
  const { optimizer } = program;
  const { precision } = context.workload.profile.device;
  const layers = context.workload.layers.slice(from, to);
  const weights = layers.reduce((bytes, layer) => bytes + layer.paramBytes, 0);
  const trained = layers.reduce((bytes, layer) => bytes + (layer.needsWeightGrad ? layer.paramBytes : 0), 0);
  const parameters = trained / bytesPerElement(precision);
  return {
    weights,
    trained,
    gradients: layers.reduce((bytes, layer) => bytes + gradBytes(layer, precision, optimizer.gradDtype), 0),
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
export function durations(program: Program, context: Context): Durations {
  const { workload, costs } = context;
  const chain = costs.chain(program.batch.global / program.dataParallel / program.batch.microbatches);
  const { stages } = program.chains[0];
  const bytes = stages.map((stage) => stageBytes(program, context, stage.from, stage.to));
  const stageOf = new Map(stages.flatMap((stage, s) => stage.devices.map((device) => [device, s] as const)));
  const partOf = new Map(workload.frozen.map((part, p) => [part.component, p]));
  const memoryMs = (rank: number, amount: number) => amount / (context.devices[rank].kind.bandwidthGBps * 1e6);
  const everyone = slowestLink(context, program.ranks.map(({ rank }) => rank));
  return {
    of(op, rank) {
      const own = bytes[stageOf.get(rank) ?? 0];
      switch (op.op) {
        case "F":
          return op.layers ? chain.forward[op.layers[1]] - chain.forward[op.layers[0]] : 0;
        case "B":
          return op.layers ? chain.backward[op.layers[1]] - chain.backward[op.layers[0]] : 0;
        case "FILL": {
          const part = partOf.get(op.component ?? "");
          if (part === undefined || !op.layers || !op.samples) return 0;
          const sums = costs.frozen(part, op.samples[1] - op.samples[0]);
          return sums[op.layers[1]] - sums[op.layers[0]];
        }
        case "SEND":
        case "REDISTRIBUTE":
          if (op.op === "REDISTRIBUTE" && op.direction === "receive") return 0;
          return transferMs(linkBetween(context.cluster, context.devices[rank], context.devices[op.peer ?? rank]), op.bytes ?? 0);
        case "OPTIM":
          return memoryMs(rank, 2 * own.trained + own.gradients + 2 * own.optimizer);
        case "EMA":
          return memoryMs(rank, own.trained + 2 * own.ema);
        case "GRAD_NORM":
          return memoryMs(rank, own.gradients) + (2 * Math.ceil(Math.log2(Math.max(1, program.worldSize))) * everyone.latencyUs) / 1e3;
        default:
          return 0;
      }
    },
    buckets(op) {
      const [from, to] = op.layers ?? [0, 0];
      const peers = op.peers ?? [];
      const link = slowestLink(context, peers);
      const whole = chain.backward[to] - chain.backward[from];
      const buckets: Bucket[] = [];
      for (let layer = to - 1, size = 0; layer >= from; layer--) {
        size += gradBytes(workload.layers[layer], workload.profile.device.precision, program.optimizer.gradDtype);
        if (size >= bucketBytes || (layer === from && size > 0)) {
          buckets.push({ progress: whole > 0 ? (chain.backward[to] - chain.backward[layer]) / whole : 1, ms: allReduceMs(link, peers.length, size) });
          size = 0;
        }
      }
      return buckets;
    },
  };
}
