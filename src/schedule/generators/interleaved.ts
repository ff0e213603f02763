/**
 * Interleaved 1F1B (Narayanan et al., 2021): each device holds several stages, stage s on device s mod devices, and takes a
 * round of micro-batches through one of its stages before it turns to the next. The more stages a device holds, the shorter the
 * flush and the more often activations are sent.
 */
import { UserError } from "../../model/errors";
import { passes, type DeviceOrders, type PassStep } from "./order";

/** @throws UserError where the micro-batches do not divide into rounds. */
export function interleaved(devices: number, stages: number, microbatches: number): DeviceOrders {
  const held = stages / devices;
  const rounds = Math.max(1, Math.floor(microbatches / devices));
  if (microbatches % rounds !== 0) throw new UserError(`Interleaved 1F1B takes its micro-batches in ${rounds} equal rounds; ${microbatches} cannot be divided so.`, { field: "batch.microbatches" });
  const round = microbatches / rounds;
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
