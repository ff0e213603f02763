/**
 * Orders made in the order of time: the device that can begin a pass earliest decides what it does then, knowing of each input
 * whose pass has begun when it will be there. Weight gradients go where the device would wait otherwise, or where it holds all
 * it may. Rules differ in how far devices run ahead, and in when a weight gradient may hold up what comes next.
 */
import { F, I, W, type Codes, type Problem } from "./problem";

export interface Rule {
  /** `[device]`: forward passes ahead of input gradients, at most. */
  readonly ahead: Int32Array;
  /**
   * Of a forward pass and an input gradient that are both ready, which goes first. "turns": they take turns, as in 1F1B, once
   * there are as many forward passes ahead as may be; then those of no device may be fewer than those of the next.
   */
  readonly first: "F" | "I" | "turns";
  /**
   * A device waits for an input rather than hold it up with a weight gradient while it is not at it for longer than this, in ms,
   * all its work to come included.
   */
  readonly targetMs: number;
  /** A device also waits for input gradients that no device has begun yet, by when they could be there. */
  readonly foresees: boolean;
}

/** Makes orders of one problem, one after another in the same arrays. */
export class Greedy {
  private readonly forwardEnd: Float64Array;
  private readonly inputEnd: Float64Array;
  private readonly free: Float64Array;
  private readonly idle: Float64Array;
  /** No weight gradient is begun before this. */
  private readonly waitsUntil: Float64Array;
  private readonly made: readonly [Int32Array, Int32Array, Int32Array];
  /** When a device can begin its next forward pass and its next input gradient as far as is known, and anything at all. */
  private readonly forwardFrom: Float64Array;
  private readonly inputFrom: Float64Array;
  private readonly from: Float64Array;

  constructor(private readonly problem: Problem) {
    const { devices, microbatches } = problem;
    const each = () => new Float64Array(devices);
    this.forwardEnd = new Float64Array(devices * microbatches);
    this.inputEnd = new Float64Array(devices * microbatches);
    [this.free, this.idle, this.waitsUntil, this.forwardFrom, this.inputFrom, this.from] = [each(), each(), each(), each(), each(), each()];
    this.made = [new Int32Array(devices), new Int32Array(devices), new Int32Array(devices)];
  }

  /** Writes an order into `codes`; false where the rule leads to none. */
  run(rule: Rule, codes: Codes): boolean {
    const { devices, microbatches, forward, inputGrad, weightGrad, first, since, limit } = this.problem;
    const { free, idle, waitsUntil, forwardFrom, inputFrom, from, forwardEnd, inputEnd } = this;
    const [forwards, inputs, weights] = this.made;
    for (const array of [free, idle, waitsUntil, forwards, inputs, weights]) array.fill(0);
    for (let device = 0; device < devices; device++) this.look(device, rule);
    for (let left = 3 * devices * microbatches; left > 0; ) {
      let device = 0;
      for (let other = 1; other < devices; other++) if (from[other] < from[device]) device = other;
      const now = from[device];
      if (now === Infinity) return false;
      const takesForward = forwardFrom[device] <= now;
      const takesInput = inputFrom[device] <= now;
      let code: number = W;
      if (takesInput && !(takesForward && rule.first === "F")) code = I;
      else if (takesForward) code = F;
      else {
        const known = Math.min(forwardFrom[device], inputFrom[device]);
        const next = rule.foresees && inputFrom[device] === Infinity ? Math.min(known, this.foreseen(device, now)) : known;
        const work = microbatches * (forward[device] + inputGrad[device] + weightGrad[device]);
        const isFull = next === Infinity && forwards[device] - weights[device] >= limit;
        if (!isFull && now + weightGrad[device] > next && first[device] - since[device] + work + idle[device] + next - free[device] <= rule.targetMs) {
          waitsUntil[device] = next;
          this.look(device, rule);
          continue;
        }
      }
      if (forwards[device] > 0) idle[device] += now - free[device];
      codes[3 * microbatches * device + forwards[device] + inputs[device] + weights[device]] = code;
      if (code === F) {
        free[device] = now + forward[device];
        forwardEnd[device * microbatches + forwards[device]++] = free[device];
        if (device + 1 < devices) this.look(device + 1, rule);
      } else if (code === I) {
        free[device] = now + inputGrad[device];
        inputEnd[device * microbatches + inputs[device]++] = free[device];
        if (device > 0) this.look(device - 1, rule);
      } else {
        free[device] = now + weightGrad[device];
        weights[device]++;
      }
      this.look(device, rule);
      left--;
    }
    return true;
  }

  /** When a device's next input gradient can be there at the earliest; Infinity where its forward pass is not under way to the last device. */
  private foreseen(device: number, now: number): number {
    const { devices, microbatches, inputGrad, sendBack } = this.problem;
    const [forwards, inputs] = this.made;
    const m = inputs[device];
    if (m >= forwards[device]) return Infinity;
    let at = device + 1;
    while (at < devices && inputs[at] <= m) at++;
    if (at === devices && forwards[devices - 1] <= m) return Infinity;
    let ms = at === devices ? 0 : this.inputEnd[at * microbatches + m] + sendBack[at - 1];
    for (at--; at > device; at--) ms = Math.max(ms, this.free[at]) + inputGrad[at] + sendBack[at - 1];
    return ms > now ? ms : Infinity;
  }

  /** Sees again what a device can do next, and when. */
  private look(device: number, { ahead, first }: Rule): void {
    const { devices, microbatches, limit, send, sendBack } = this.problem;
    const { free, waitsUntil, forwardFrom, inputFrom, from, forwardEnd, inputEnd } = this;
    const [forwards, inputs, weights] = this.made;
    const f = forwards[device];
    const i = inputs[device];
    const w = weights[device];
    const now = free[device];
    let forwardMs = Infinity;
    if (f < microbatches && f - w < limit && f - i < ahead[device] && (device === 0 || forwards[device - 1] > f)) {
      forwardMs = device === 0 ? now : Math.max(now, forwardEnd[(device - 1) * microbatches + f] + send[device - 1]);
    }
    let inputMs = Infinity;
    if (i < f && (first !== "turns" || f === microbatches || f - i >= ahead[device]) && (device + 1 === devices || inputs[device + 1] > i)) {
      inputMs = device + 1 === devices ? now : Math.max(now, inputEnd[(device + 1) * microbatches + i] + sendBack[device]);
    }
    forwardFrom[device] = forwardMs;
    inputFrom[device] = inputMs;
    from[device] = Math.min(forwardMs, inputMs, w < i ? Math.max(now, waitsUntil[device]) : Infinity);
  }
}
