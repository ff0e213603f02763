/**
 * Interleaved 1F1B (Narayanan et al., 2021): each device holds several stages, stage s on device s mod devices, and takes a
 * round of micro-batches through one of its stages before it turns to the next. The more stages a device holds, the shorter the
 * flush and the more often activations are sent.
 */
import { passes, type DeviceOrders, type PassStep } from "./order";

/** Into how many rounds the micro-batches go; they must do so evenly. */
export function roundsOf(devices: number, microbatches: number): number {
  return Math.max(1, Math.floor(microbatches / devices));
}

export function interleaved(devices: number, stages: number, microbatches: number): DeviceOrders {
  const held = stages / devices;
  const round = microbatches / roundsOf(devices, microbatches);
  const total = held * microbatches;
  return Array.from({ length: devices }, (_, device) => {
    const warmup = Math.min(total, (held - 1) * round + 2 * (devices - 1 - device));
    const made = { F: new Int32Array(held), B: new Int32Array(held) };
    const next = (op: "F" | "B", local: number): PassStep => {
      const microbatch = made[op][local]++;
      return passes(op, local * devices + device, microbatch, microbatch + 1)[0];
    };
    const forward = (step: number) => next("F", Math.floor(step / round) % held);
    const backward = (step: number) => next("B", held - 1 - (Math.floor(step / round) % held));
    const steps: PassStep[] = [];
    for (let step = 0; step < warmup; step++) steps.push(forward(step));
    for (let step = warmup; step < total; step++) steps.push(forward(step), backward(step - warmup));
    for (let step = total - warmup; step < total; step++) steps.push(backward(step));
    return steps;
  });
}
