/**
 * Two pipelines on one set of devices, in opposite directions: where one fills or drains, the other computes. Each goes by 1F1B;
 * on a device the two are merged by when their next passes could start. Of passes that could start at once a backward pass goes
 * first, the shallower stage's first, then forward passes, the deeper stage's first: what is nearer to its end.
 * - Chimera (Li and Hoefler, 2021): both are replicas of one chain, and a device holds two of its stages. More micro-batches than
 *   devices are units of as many as there are devices, one after another ("direct concatenation"), or go in pairs (doubling.ts),
 *   or are one whole: each replica goes by one 1F1B over all of its micro-batches. Where B = 2F that has no more bubbles than a
 *   single unit, and a device holds devices + 1 micro-batches at most, one more than of units.
 * - Bidirectional pipelines of cascades (DiffusionPipe, 2024): they are different chains, one down and one up; of more chains a
 *   group goes down and a group up, each group's chains one after another.
 */
import type { Concatenation } from "../../model/plan";
import { forwardDoubling } from "./doubling";
import { oneFOneB } from "./oneFOneB";
import type { DeviceOrders, PassStep, StageTimes } from "./order";

/** One direction: its chains run one after another. */
interface Way {
  readonly replica: 0 | 1;
  readonly isUp: boolean;
  readonly chains: readonly { readonly chain: number; readonly times?: readonly StageTimes[] }[];
}

/** @param microbatches Of each of the two replicas. */
export function chimera(devices: number, microbatches: number, concatenation: Concatenation = "direct", times?: readonly StageTimes[]): DeviceOrders {
  if (concatenation === "doubling") return forwardDoubling(devices, microbatches);
  const unit = concatenation === "whole" ? microbatches : devices / 2;
  const ways = [0, 1] as const;
  const orders = Array.from({ length: devices }, (): PassStep[] => []);
  for (let from = 0; from < microbatches; from += unit) {
    const count = Math.min(unit, microbatches - from);
    const merged = merge(devices, count, ways.map((replica) => ({ replica, isUp: replica === 1, chains: [{ chain: 0, times }] })));
    merged.forEach((steps, device) => orders[device].push(...steps.map((step) => ({ ...step, microbatch: step.microbatch + from }))));
  }
  return orders;
}

/** @param chains Of as many stages as there are devices each, in two groups: those that go down and those that go up. */
export function bidirectional(devices: number, microbatches: number, chains: readonly { readonly direction?: "down" | "up"; readonly times?: readonly StageTimes[] }[]): DeviceOrders {
  const numbered = chains.map(({ direction, times }, chain) => ({ chain, times, isUp: direction === "up" }));
  return merge(devices, microbatches, [false, true].map((isUp) => ({ replica: 0, isUp, chains: numbered.filter((chain) => chain.isUp === isUp) })));
}

/** A backward pass takes as long as two forward passes where nothing is known of a stage. */
function merge(devices: number, microbatches: number, ways: readonly Way[]): readonly (readonly PassStep[])[] {
  const single = oneFOneB(devices, microbatches);
  const units = ways.flatMap(({ replica, chains }) => chains.map(({ chain, times }) => ({ replica, chain, times })));
  const before = ways.map((_, way) => ways.slice(0, way).reduce((count, { chains }) => count + chains.length, 0));
  /** The steps of a way on a device, each with the unit (a chain of a way) that it belongs to. */
  const stepsOf = (way: number, device: number) =>
    ways[way].chains.flatMap((_, i) => single[ways[way].isUp ? devices - 1 - device : device].map((step) => ({ step: step as PassStep, unit: before[way] + i })));
  const waiting = Array.from({ length: devices }, (_, device) => ways.map((_, way) => ({ steps: stepsOf(way, device), at: 0 })));
  const index = (unit: number, backward: boolean, stage: number, microbatch: number) => (((unit * 2 + (backward ? 1 : 0)) * devices + stage) * microbatches) + microbatch;
  const end = new Float64Array(units.length * 2 * devices * microbatches).fill(-1);
  const free = new Float64Array(devices);
  const orders = Array.from({ length: devices }, (): PassStep[] => []);
  const readyAt = (unit: number, { op, stage, microbatch }: PassStep): number => {
    if (op === "F") return stage === 0 ? 0 : end[index(unit, false, stage - 1, microbatch)];
    return stage === devices - 1 ? end[index(unit, false, stage, microbatch)] : end[index(unit, true, stage + 1, microbatch)];
  };
  for (let left = end.length; left > 0; left--) {
    let best: { readonly device: number; readonly way: number; readonly unit: number; readonly step: PassStep; readonly start: number; readonly rank: number } | undefined;
    for (let device = 0; device < devices; device++) {
      for (let way = 0; way < ways.length; way++) {
        const { steps, at } = waiting[device][way];
        if (at >= steps.length) continue;
        const { step, unit } = steps[at];
        const ready = readyAt(unit, step);
        if (ready < 0) continue;
        const start = Math.max(ready, free[device]);
        const rank = step.op === "F" ? devices - step.stage : step.stage - devices;
        if (!best || start < best.start || (start === best.start && rank < best.rank)) best = { device, way, unit, step, start, rank };
      }
    }
    if (!best) break; // every pass is placed, since a 1F1B order never waits for itself
    const { device, way, unit, step, start } = best;
    const { chain, replica } = units[unit];
    const times = units[unit].times?.[step.stage] ?? { forwardMs: 1, inputGradMs: 1, weightGradMs: 1 };
    free[device] = start + (step.op === "F" ? times.forwardMs : times.inputGradMs + times.weightGradMs);
    end[index(unit, step.op !== "F", step.stage, step.microbatch)] = free[device];
    waiting[device][way].at++;
    orders[device].push({ ...step, chain, replica });
  }
  return orders;
}
