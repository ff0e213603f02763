/**
 * Weight gradients after everything that other devices wait for: what lies in a pipeline's gaps is then left to frozen work, and the
 * weight gradients of a device come where nothing else can. Each is put off until its micro-batch's activations are needed for
 * another forward pass, so that a device never holds more micro-batches than in the order that is given.
 */
import { passesOf, type DeviceOrders, type PassStep, type Step } from "./order";

export function withLateWeightGrads(orders: DeviceOrders): DeviceOrders {
  return orders.map((steps) => {
    const most = peakHeld(steps);
    const put: Step[] = [];
    const owed: PassStep[] = [];
    let held = 0;
    const pay = (): boolean => {
      const step = owed.shift();
      if (!step) return false;
      put.push(step);
      held--;
      return true;
    };
    for (const step of steps) {
      if (step.op === "W") {
        owed.push(step);
        continue;
      }
      const forwards = passesOf(step).filter(({ op }) => op === "F").length;
      while (held + forwards > most && pay());
      held += forwards - passesOf(step).filter(({ op }) => op === "B").length;
      put.push(step);
    }
    while (pay());
    return put;
  });
}

/** Micro-batches of all stages of a device between F and the end of their backward pass. */
function peakHeld(steps: readonly Step[]): number {
  let held = 0;
  let most = 0;
  for (const { op } of steps.flatMap(passesOf)) {
    if (op === "F") most = Math.max(most, ++held);
    else if (op === "B" || op === "W") held--;
  }
  return most;
}
