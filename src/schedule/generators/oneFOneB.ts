/**
 * 1F1B (Narayanan et al., 2019): a warm-up of forward passes, then one forward and one backward in turn, then the remaining
 * backward passes. Stage s warms up with depth * (stages - 1 - s) passes. Depth 1 is the usual schedule; depth 2 hides
 * communication, at the cost of as many more saved micro-batches.
 */
import { passes, type DeviceOrders, type PassStep } from "./order";

export function oneFOneB(stages: number, microbatches: number, depth = 1): DeviceOrders {
  return Array.from({ length: stages }, (_, stage) => {
    const warmup = Math.min(microbatches, depth * (stages - 1 - stage));
    const steady: PassStep[] = [];
    for (let m = warmup; m < microbatches; m++) steady.push(...passes("F", stage, m, m + 1), ...passes("B", stage, m - warmup, m - warmup + 1));
    return [...passes("F", stage, 0, warmup), ...steady, ...passes("B", stage, microbatches - warmup, microbatches)];
  });
}
