/** Bounded local search on orders, always the same for the same problem. */
import { F, I, W, type Codes, type Problem } from "./problem";
import type { Timing } from "./timing";

/** Passes of a block that are tried at either end of it. */
const triesPerEnd = 6;

/** The next of a fixed sequence of numbers below `count` that looks random (Lehmer's generator). */
class Draw {
  private state = 1;

  below(count: number): number {
    this.state = (this.state * 48271) % 2147483647;
    return this.state % count;
  }
}

/** An order that is changed step by step. */
export class Improver {
  private readonly draw = new Draw();
  /** How many more orders may be timed. */
  private left = 0;

  constructor(
    private readonly problem: Problem,
    private readonly timing: Timing,
  ) {}

  /**
   * Changes `codes` to the best order found; returns its time as `Timing.run` gives it.
   * @param goodMs No order that is this short is improved any more.
   * @param runs How many orders may be timed.
   */
  improve(codes: Codes, goodMs: number, runs: number): number {
    this.left = runs;
    let best = this.descend(codes, goodMs);
    const kept = codes.slice();
    while (this.left > 0 && best > goodMs) {
      this.shake(codes);
      const ms = this.descend(codes, goodMs);
      if (ms <= best) {
        best = ms;
        kept.set(codes);
      } else codes.set(kept);
    }
    codes.set(kept);
    return best;
  }

  private time(codes: Codes): number {
    this.left--;
    return this.timing.run(codes);
  }

  /** Moves passes to the ends of critical blocks while that shortens the order. */
  private descend(codes: Codes, goodMs: number): number {
    let best = this.time(codes);
    for (let moved = best < Infinity; moved && best > goodMs; ) {
      moved = false;
      search: for (const { device, from, to } of this.timing.criticalBlocks(codes)) {
        const base = 3 * this.problem.microbatches * device;
        for (const [start, step, end] of [[from, 1, to], [to, -1, from]]) {
          let tries = 0;
          for (let k = start + step; tries < triesPerEnd && (k - end) * step <= 0; k += step) {
            if (codes[base + k] === codes[base + k - step]) continue;
            const target = this.reach(codes, device, k, start);
            if (target === k) continue;
            if (this.left <= 0) return best;
            tries++;
            move(codes, base, k, target);
            const ms = this.time(codes);
            if (ms < best) {
              best = ms;
              moved = true;
              break search;
            }
            move(codes, base, target, k);
          }
        }
      }
    }
    return best;
  }

  /** The place nearest to `target` that a pass can take: after what it needs, before what needs it, and within the limit. */
  private reach(codes: Codes, device: number, k: number, target: number): number {
    const { microbatches, limit } = this.problem;
    const base = 3 * microbatches * device;
    const code = codes[base + k];
    const made = new Int32Array(3);
    for (let at = 0; at < k; at++) made[codes[base + at]]++;
    let at = k;
    if (target < k) {
      for (; at > target; at--) {
        const before = codes[base + at - 1];
        // `made` counts what stands before the pass; it changes places with the one before it.
        if (before === F && code === I && made[I] + 1 > made[F] - 1) break;
        if (before === I && code === W && made[W] + 1 > made[I] - 1) break;
        if (before === W && code === F && made[F] + 1 - (made[W] - 1) > limit) break;
        made[before]--;
      }
    } else {
      for (; at < target; at++) {
        const after = codes[base + at + 1];
        if (after === I && code === F && made[I] + 1 > made[F]) break;
        if (after === W && code === I && made[W] + 1 > made[I]) break;
        if (after === F && code === W && made[F] + 1 - made[W] > limit) break;
        made[after]++;
      }
    }
    return at;
  }

  /** Lets a few passes change places with others near them. */
  private shake(codes: Codes): void {
    const { devices, microbatches } = this.problem;
    const count = 3 * microbatches;
    for (let times = 1 + this.draw.below(4); times > 0; times--) {
      const device = this.draw.below(devices);
      const k = this.draw.below(count);
      const target = Math.max(0, Math.min(count - 1, k + this.draw.below(2 * 4 + 1) - 4));
      move(codes, count * device, k, this.reach(codes, device, k, target));
    }
  }
}

/** Takes the code at `from` out and puts it in again at `to`. */
function move(codes: Codes, base: number, from: number, to: number): void {
  const code = codes[base + from];
  if (to < from) codes.copyWithin(base + to + 1, base + to, base + from);
  else codes.copyWithin(base + from, base + from + 1, base + to + 1);
  codes[base + to] = code;
}
