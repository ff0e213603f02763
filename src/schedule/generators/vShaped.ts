/**
 * Schedules of two stages on each device in a V: device d has the stages d and 2 * devices - 1 - d, so that the last stage is
 * where the first one is. A micro-batch comes down over all devices and goes up again.
 * - ZB-V (Qi et al., 2024, "Pipeline Parallelism with Controllable Memory"): backward passes in two parts, so that where F, I
 *   and W take equally long no device idles, at the memory of 1F1B.
 * - DualPipeV (the half of DeepSeek's DualPipe that holds one copy of the model): the forward pass of one stage beside the
 *   backward pass of the other, W apart only where the pipeline fills and drains.
 * Both are made for passes of equal lengths; their orders depend on counts alone.
 */
import type { DeviceOrders, PassStep, Step } from "./order";

/** Which device of a V holds a stage. */
export function deviceInV(devices: number, stage: number): number {
  return stage < devices ? stage : 2 * devices - 1 - stage;
}

/** Hands out the passes of one stage, each kind in the order of its micro-batches; B is both I and W. */
class StagePasses {
  readonly made = { F: 0, I: 0, W: 0 };

  constructor(private readonly stage: number) {}

  next(op: PassStep["op"]): PassStep {
    const microbatch = this.made[op === "B" ? "I" : op]++;
    if (op === "B") this.made.W++;
    return { op, chain: 0, replica: 0, stage: this.stage, microbatch };
  }
}

/** With fewer micro-batches than fill the pipeline, the passes of those that are not there are left out. */
export function zbV(devices: number, microbatches: number): DeviceOrders {
  const full = Math.max(2 * devices - 1, microbatches);
  return Array.from({ length: devices }, (_, device) => {
    const down = new StagePasses(device);
    const up = new StagePasses(2 * devices - 1 - device);
    const steps: PassStep[] = [];
    const add = (on: StagePasses, ...ops: readonly PassStep["op"][]) => steps.push(...ops.map((op) => on.next(op)));
    for (let i = 0; i < 2 * (devices - device) - 1; i++) add(down, "F");
    for (let i = 0; i < device; i++) {
      add(up, "F");
      add(down, "F");
    }
    for (let i = device; i < devices; i++) add(up, "F", "I", "W");
    while (up.made.F < full) {
      if (down.made.F < full) add(down, "F");
      add(down, "I", "W");
      add(up, "F", "I", "W");
    }
    for (let i = 0; i < device; i++) {
      add(down, "I");
      add(up, "I");
    }
    for (let i = device; i < devices; i++) add(down, "I", "W");
    while (up.made.W < full) add(up, "W");
    while (down.made.W < full) add(down, "W");
    return steps.filter(({ microbatch }) => microbatch < microbatches);
  });
}

/** For as many micro-batches as stages, or more. */
export function dualPipeV(devices: number, microbatches: number): DeviceOrders {
  return Array.from({ length: devices }, (_, device) => {
    const down = new StagePasses(device);
    const up = new StagePasses(2 * devices - 1 - device);
    const steps: Step[] = [];
    const owed: StagePasses[] = [];
    const after = devices - device - 1;
    const add = (on: StagePasses, op: PassStep["op"]) => {
      steps.push(on.next(op));
      if (op === "I") owed.push(on);
    };
    /** The weight gradient that has waited longest, if one does. */
    const addOwed = () => {
      const on = owed.shift();
      if (on) steps.push(on.next("W"));
    };
    const overlap = (forward: StagePasses, backward: StagePasses) => steps.push({ op: "OVERLAP_F_B", forward: forward.next("F"), backward: backward.next("B") });
    for (let i = 0; i < 2 * after; i++) add(down, "F");
    for (let i = 0; i <= device; i++) {
      add(down, "F");
      add(up, "F");
    }
    for (let i = 0; i < after; i++) {
      add(up, "I");
      addOwed();
      add(up, "F");
    }
    for (let i = 0; i < microbatches - devices - after; i++) {
      // The last device's first backward pass is awaited by all others: it does not share the device with a forward pass.
      if (i === 0 && after === 0) {
        add(down, "F");
        add(up, "B");
      } else overlap(down, up);
      overlap(up, down);
    }
    for (let i = 0; i < after; i++) {
      add(up, "B");
      overlap(up, down);
    }
    // The pipeline drains: of the passes from the middle on, each W waits until there is nothing more urgent.
    for (let i = 0; i < 2 * (device + 1); i++) add(i % 2 === 0 ? up : down, i <= device ? "B" : "I");
    for (let i = 0; i < after; i++) {
      addOwed();
      add(down, "I");
    }
    while (owed.length > 0) addOwed();
    return steps;
  });
}
