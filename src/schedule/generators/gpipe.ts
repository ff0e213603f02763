/** GPipe: all forward passes, then all backward passes, both in the order of the micro-batches. */
import { passes, type StageOrders } from "./order";

export function gpipe(stages: number, microbatches: number): StageOrders {
  return Array.from({ length: stages }, () => [...passes("F", 0, microbatches), ...passes("B", 0, microbatches)]);
}
