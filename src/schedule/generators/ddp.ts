/** Data parallelism: one stage with all layers; more than one micro-batch is gradient accumulation. */
import type { DeviceOrders } from "./order";
import { oneFOneB } from "./oneFOneB";

export function ddp(microbatches: number): DeviceOrders {
  return oneFOneB(1, microbatches);
}
