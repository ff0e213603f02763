/** GPipe (Huang et al., 2019): all forward passes, then all backward passes, both in the order of the micro-batches. */
import { passes, type DeviceOrders } from "./order";

export function gpipe(stages: number, microbatches: number): DeviceOrders {
  return Array.from({ length: stages }, (_, stage) => [...passes("F", stage, 0, microbatches), ...passes("B", stage, 0, microbatches)]);
}
