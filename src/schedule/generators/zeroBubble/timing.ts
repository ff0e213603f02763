/** When the passes of an order run, each as soon as it can, and how long the devices are at it. */
import { F, I, type Codes, type Problem } from "./problem";

/** Weighs the mean of all devices beside the longest: of orders that are equally long the one with shorter devices. */
const meanWeight = 1e-7;

/** A critical path's stretch of passes on one device, one right after another: positions [from, to]. */
export interface Block {
  readonly device: number;
  readonly from: number;
  readonly to: number;
}

/** Times orders of one problem, one after another in the same arrays. */
export class Timing {
  /** The device that is at it longest. */
  worst = 0;
  /** The time of `worst`, from its first start to its last end. */
  longestMs = 0;
  private readonly forwardEnd: Float64Array;
  private readonly inputEnd: Float64Array;
  /** Positions of F and I passes on their devices. */
  private readonly forwardAt: Int32Array;
  private readonly inputAt: Int32Array;
  /** 1 where a pass starts when its input is there, not when its device is free. */
  private readonly waits: Uint8Array;
  private readonly free: Float64Array;
  private readonly at: Int32Array;
  private readonly made: readonly [Int32Array, Int32Array];
  private readonly stack: number[] = [];

  constructor(private readonly problem: Problem) {
    const { devices, microbatches } = problem;
    const passes = devices * microbatches;
    this.forwardEnd = new Float64Array(passes);
    this.inputEnd = new Float64Array(passes);
    this.forwardAt = new Int32Array(passes);
    this.inputAt = new Int32Array(passes);
    this.waits = new Uint8Array(3 * passes);
    this.free = new Float64Array(devices);
    this.at = new Int32Array(devices);
    this.made = [new Int32Array(devices), new Int32Array(devices)];
  }

  /** The longest time of a device, in ms, with a trifle of the mean; Infinity where passes wait for each other. */
  run(codes: Codes): number {
    const { devices, microbatches, forward, inputGrad, weightGrad, send, sendBack, since } = this.problem;
    const { forwardEnd, inputEnd, forwardAt, inputAt, waits, free, at, stack } = this;
    const [forwards, inputs] = this.made;
    const count = 3 * microbatches;
    free.fill(0);
    at.fill(0);
    forwards.fill(0);
    inputs.fill(0);
    stack.length = 0;
    stack.push(0);
    let left = devices * count;
    for (let device = stack.pop(); device !== undefined; device = stack.pop()) {
      const base = device * count;
      const row = device * microbatches;
      let now = free[device];
      let k = at[device];
      for (; k < count; k++, left--) {
        const code = codes[base + k];
        if (code === F) {
          const m = forwards[device];
          let waited = 0;
          if (device > 0) {
            if (forwards[device - 1] <= m) break;
            const arrival = forwardEnd[row - microbatches + m] + send[device - 1];
            if (arrival > now) {
              now = arrival;
              waited = 1;
            }
          }
          waits[base + k] = waited;
          now += forward[device];
          forwardEnd[row + m] = now;
          forwardAt[row + m] = k;
          forwards[device] = m + 1;
          if (device + 1 < devices && forwards[device + 1] === m && codes[base + count + at[device + 1]] === F) stack.push(device + 1);
        } else if (code === I) {
          const m = inputs[device];
          let waited = 0;
          if (device + 1 < devices) {
            if (inputs[device + 1] <= m) break;
            const arrival = inputEnd[row + microbatches + m] + sendBack[device];
            if (arrival > now) {
              now = arrival;
              waited = 1;
            }
          }
          waits[base + k] = waited;
          now += inputGrad[device];
          inputEnd[row + m] = now;
          inputAt[row + m] = k;
          inputs[device] = m + 1;
          if (device > 0 && inputs[device - 1] === m && codes[base - count + at[device - 1]] === I) stack.push(device - 1);
        } else {
          waits[base + k] = 0;
          now += weightGrad[device];
        }
      }
      at[device] = k;
      free[device] = now;
    }
    if (left > 0) return Infinity;
    let total = 0;
    this.longestMs = -1;
    for (let device = 0; device < devices; device++) {
      const ms = free[device] - since[device];
      total += ms;
      if (ms > this.longestMs) {
        this.longestMs = ms;
        this.worst = device;
      }
    }
    return this.longestMs + (meanWeight * total) / devices;
  }

  /** The critical path of the order that was timed last, back from the end of the device that is at it longest. */
  criticalBlocks(codes: Codes): readonly Block[] {
    const { microbatches } = this.problem;
    const count = 3 * microbatches;
    const blocks: Block[] = [];
    let device = this.worst;
    let to = count - 1;
    const seen = new Int32Array(2);
    for (;;) {
      const base = device * count;
      let from = to;
      while (from > 0 && this.waits[base + from] === 0) from--;
      blocks.push({ device, from, to });
      if (this.waits[base + from] === 0) return blocks;
      const code = codes[base + from];
      seen.fill(0);
      for (let k = 0; k < from; k++) if (codes[base + k] === code) seen[code]++;
      const next: number = code === F ? device - 1 : device + 1;
      to = (code === F ? this.forwardAt : this.inputAt)[next * microbatches + seen[code]];
      device = next;
    }
  }
}
