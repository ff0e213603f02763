/**
 * Two pipelines on one set of devices, in opposite directions: where one fills or drains, the other computes. Each goes by 1F1B;
 * on a device the two are merged by when their next passes could start. Of passes that could start at once a backward pass goes
 * first, the shallower stage's first, then forward passes, the deeper stage's first: what is nearer to its end.
 * - Chimera (Li and Hoefler, 2021): both are replicas of one chain, and a device holds two of its stages. More micro-batches than
 *   devices are units of as many as there are devices, one after another ("direct concatenation").
 * - Bidirectional pipelines of cascades (DiffusionPipe, 2024): they are different chains, one down and one up.
 */
import { oneFOneB } from "./oneFOneB";
import type { DeviceOrders, PassStep, StageTimes } from "./order";

interface Way {
  readonly chain: number;
  readonly replica: 0 | 1;
  readonly isUp: boolean;
  readonly times: readonly StageTimes[] | undefined;
}

/** @param microbatches Of each of the two replicas. */
export function chimera(devices: number, microbatches: number, times?: readonly StageTimes[]): DeviceOrders {
  const unit = devices / 2;
  const ways = [0, 1] as const;
  const orders = Array.from({ length: devices }, (): PassStep[] => []);
  for (let from = 0; from < microbatches; from += unit) {
    const count = Math.min(unit, microbatches - from);
    const merged = merge(devices, count, ways.map((replica) => ({ chain: 0, replica, isUp: replica === 1, times })));
    merged.forEach((steps, device) => orders[device].push(...steps.map((step) => ({ ...step, microbatch: step.microbatch + from }))));
  }
  return orders;
}

/** @param chains Two different chains of as many stages as there are devices. */
export function bidirectional(devices: number, microbatches: number, chains: readonly { readonly direction?: "down" | "up"; readonly times?: readonly StageTimes[] }[]): DeviceOrders {
  return merge(devices, microbatches, chains.map(({ direction, times }, chain) => ({ chain, replica: 0, isUp: direction === "up", times })));
}

/** A backward pass takes as long as two forward passes where nothing is known of a stage. */
function merge(devices: number, microbatches: number, ways: readonly Way[]): readonly (readonly PassStep[])[] {
  const single = oneFOneB(devices, microbatches);
  const waiting = Array.from({ length: devices }, (_, device) => ways.map(({ isUp }) => ({ steps: single[isUp ? devices - 1 - device : device] as readonly PassStep[], at: 0 })));
  const index = (way: number, backward: boolean, stage: number, microbatch: number) => (((way * 2 + (backward ? 1 : 0)) * devices + stage) * microbatches) + microbatch;
  const end = new Float64Array(ways.length * 2 * devices * microbatches).fill(-1);
  const free = new Float64Array(devices);
  const orders = Array.from({ length: devices }, (): PassStep[] => []);
  const readyAt = (way: number, { op, stage, microbatch }: PassStep): number => {
    if (op === "F") return stage === 0 ? 0 : end[index(way, false, stage - 1, microbatch)];
    return stage === devices - 1 ? end[index(way, false, stage, microbatch)] : end[index(way, true, stage + 1, microbatch)];
  };
  for (let left = ways.length * 2 * devices * microbatches; left > 0; left--) {
    let best: { readonly device: number; readonly way: number; readonly step: PassStep; readonly start: number; readonly rank: number } | undefined;
    for (let device = 0; device < devices; device++) {
      for (let way = 0; way < ways.length; way++) {
        const { steps, at } = waiting[device][way];
        if (at >= steps.length) continue;
        const ready = readyAt(way, steps[at]);
        if (ready < 0) continue;
        const start = Math.max(ready, free[device]);
        const rank = steps[at].op === "F" ? devices - steps[at].stage : steps[at].stage - devices;
        if (!best || start < best.start || (start === best.start && rank < best.rank)) best = { device, way, step: steps[at], start, rank };
      }
    }
    if (!best) break; // every pass is placed, since a 1F1B order never waits for itself
    const { device, way, step, start } = best;
    const times = ways[way].times?.[step.stage] ?? { forwardMs: 1, inputGradMs: 1, weightGradMs: 1 };
    free[device] = start + (step.op === "F" ? times.forwardMs : times.inputGradMs + times.weightGradMs);
    end[index(way, step.op !== "F", step.stage, step.microbatch)] = free[device];
    waiting[device][way].at++;
    orders[device].push({ ...step, chain: ways[way].chain, replica: ways[way].replica });
  }
  return orders;
}
