/**
 * 1F1B: a warm-up of forward passes, then one forward and one backward in turn, then the remaining backward passes.
 * Stage s warms up with depth * (stages - 1 - s) passes. Depth 1 is the usual schedule; depth 2 hides communication, at the
 * cost of as many more saved micro-batches.
 */
import { passes, type StageOrders, type StageStep } from "./order";

export function oneFOneB(stages: number, microbatches: number, depth = 1): StageOrders {
  return Array.from({ length: stages }, (_, stage) => {
    const warmup = Math.min(microbatches, depth * (stages - 1 - stage));
    const steady: StageStep[] = [];
    for (let m = warmup; m < microbatches; m++) steady.push({ op: "F", microbatch: m }, { op: "B", microbatch: m - warmup });
    return [...passes("F", 0, warmup), ...steady, ...passes("B", microbatches - warmup, microbatches)];
  });
}
