/** Periods that no plan of a kind can beat, whatever its cuts. */
import type { Optimizer } from "../../model/plan";
import type { Context } from "../../simulate/context";
import { leastFrozenMs } from "../fill/bound";

/** What a bound depends on. */
export interface BoundedKind {
  /** Of each chain, and devices of a pipeline. */
  readonly stages: number;
  readonly devices: number;
  /** How many devices of a replica a stage may have. */
  readonly widths: readonly number[];
  readonly microbatches: number;
  /** Samples of a replica, and how many replicas have a pipeline's devices. */
  readonly share: number;
  readonly replicas: number;
  readonly dataParallel: number;
  readonly recompute: boolean;
  /** Whether weight gradients are passes of their own, which nothing waits for. */
  readonly splitsBackward?: boolean;
}

/** `[width][layer]`: least ms, over all kinds of device, of so many passes of a micro-batch through a layer on so many devices. */
function passesOf({ workload, costs, kinds }: Context, chain: number, { widths, microbatches, share }: BoundedKind, forwards: number, backwards = 1): readonly (readonly number[])[] {
  const all = [...new Set(kinds)];
  return widths.map((width) => {
    const each = all.map((kind) => costs.chain(chain, share / microbatches / width, kind));
    return workload.chains[chain].layers.map((_, l) => Math.min(...each.map(({ forward, backward }) => forwards * (forward[l + 1] - forward[l]) + backwards * (backward[l + 1] - backward[l]))));
  });
}

/** Ms that a pipeline computes at least: all passes of its replicas, and all frozen work at its best batch size. */
export function workBound(context: Context, kind: BoundedKind): number {
  const { widths, microbatches, share, replicas, devices } = kind;
  const passes = context.workload.chains.reduce((ms, { layers }, chain) => {
    const each = passesOf(context, chain, kind, kind.recompute ? 2 : 1);
    return ms + layers.reduce((sum, _, l) => sum + Math.min(...widths.map((width, w) => width * each[w][l])), 0);
  }, 0);
  return (replicas * microbatches * passes + leastFrozenMs(context, replicas * share)) / devices;
}

/**
 * Least ms, over all cuts of one chain and all widths, of an iteration on one of its stages, rounded down a little. The first
 * micro-batch reaches a stage through the layers before it, all micro-batches pass the stage, and the last one's gradient goes
 * back through the layers before it (where anything there learns): the first stage is at it for so long. Weight gradients apart
 * may be made while that one goes back; then a stage is at its own passes for so long. Stages may be empty here.
 */
export function slowestStage(context: Context, kind: BoundedKind): number {
  const { stages, devices, widths, microbatches, splitsBackward } = kind;
  const [{ cuts, layers: { length: layers } }] = context.workload.chains;
  const computed = passesOf(context, 0, kind, kind.recompute ? 2 : 1).map(runningSums);
  const once = passesOf(context, 0, kind, 1);
  const path = runningSums(Array.from({ length: layers }, (_, l) => Math.min(...once.map((passes) => passes[l]))));
  const goesBack = !splitsBackward && cuts.every((cut, at) => at === 0 || cut.backward !== undefined);
  const stageMs = (w: number, from: number, to: number) => (to === from ? 0 : (goesBack ? path[from] : 0) + microbatches * (computed[w][to] - computed[w][from]));
  /** `[devices][from]`: of the layers from `from` on, on so many devices with the stages so far. */
  let rest = Array.from({ length: devices + 1 }, () => new Float64Array(layers + 1).fill(Infinity));
  rest[0][layers] = 0;
  for (let stage = stages - 1; stage >= 0; stage--) {
    const next = Array.from({ length: devices + 1 }, () => new Float64Array(layers + 1).fill(Infinity));
    for (let count = stages - stage; count <= devices - stage; count++) {
      widths.forEach((width, w) => {
        if (width > count) return;
        const after = rest[count - width];
        for (let from = 0; from <= layers; from++) {
          // The stage takes longer and the rest less, the later the cut: the best lies where they cross.
          let [low, high] = [from, layers];
          while (low < high) {
            const middle = (low + high) >> 1;
            if (stageMs(w, from, middle) >= after[middle]) high = middle;
            else low = middle + 1;
          }
          for (const to of low > from ? [low - 1, low] : [low]) next[count][from] = Math.min(next[count][from], Math.max(stageMs(w, from, to), after[to]));
        }
      });
    }
    rest = next;
  }
  return rest[devices][0] * (1 - 1e-9);
}

/**
 * Ms of the all-reduces of some device at least, and with `inTurn` also of the passes that cannot overlap them: where a device
 * has one stage, its next iteration waits for them, and they wait for the last backward pass. Stages share gradients and passes
 * evenly at best. A ring moves 2(n-1)/n of the gradients over its slowest link; latencies are left out.
 */
export function synchronisation(context: Context, kind: BoundedKind, gradDtype: Optimizer["gradDtype"], inTurn: boolean): number {
  const { cluster, costs, workload } = context;
  const { dataParallel, devices, stages, microbatches } = kind;
  const bytes = workload.chains.reduce((sum, { layers }, chain) => sum + costs.bytes(chain, gradDtype).gradients[layers.length], 0);
  const within = Math.max(...cluster.nodeGroups.map(({ intraNode }) => intraNode.bandwidthGBps));
  const spansNodes = dataParallel > Math.max(...cluster.nodeGroups.map(({ devicesPerNode }) => devicesPerNode));
  const bandwidth = spansNodes ? cluster.interNode.bandwidthGBps : Math.max(within, cluster.interNode.bandwidthGBps);
  const ms = ((2 * (dataParallel - 1)) / dataParallel) * (bytes / (bandwidth * 1e6));
  if (!inTurn) return ms / devices;
  const apart = passesOf(context, 0, kind, microbatches, microbatches - 1);
  return (ms + apart[0].reduce((sum, _, l) => sum + Math.min(...apart.map((each) => each[l])), 0)) / stages;
}

function runningSums(amounts: readonly number[]): Float64Array {
  const sums = new Float64Array(amounts.length + 1);
  amounts.forEach((amount, i) => (sums[i + 1] = sums[i] + amount));
  return sums;
}
