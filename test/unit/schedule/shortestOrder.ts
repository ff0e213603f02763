/** Oracle: the shortest of all orders of F, I and W passes with one stage per device, by branch and bound. For few passes only. */
import type { StageTimes } from "../../../src/schedule/generators/order";

export interface SmallCase {
  readonly microbatches: number;
  /** Micro-batches that a device may hold at once, from F to the end of W. */
  readonly limit: number;
  readonly times: readonly Required<Pick<StageTimes, "forwardMs" | "inputGradMs" | "weightGradMs" | "sendMs">>[];
}

type Kind = 0 | 1 | 2;

/**
 * The longest time of a device, from its first start to its last end, of the best orders; `enough` where nothing is below it.
 * Only active orders are looked at (Giffler and Thompson, 1960): where no pass could come earlier without holding up another.
 */
export function shortestMs({ microbatches, limit, times }: SmallCase, enough: number): number {
  const devices = times.length;
  const lengths = times.map(({ forwardMs, inputGradMs, weightGradMs }) => [forwardMs, inputGradMs, weightGradMs]);
  const made = times.map(() => [0, 0, 0]);
  const free = times.map(() => 0);
  const ends = times.map(() => [new Array<number>(microbatches).fill(0), new Array<number>(microbatches).fill(0)]);
  const first = times.map((_, d) => times.slice(0, d).reduce((ms, { forwardMs, sendMs }) => ms + forwardMs + sendMs, 0));
  const known = new Map<string, number[][]>();
  let best = enough;

  const startOf = (d: number, kind: Kind): number => {
    const [f, i, w] = made[d];
    const m = made[d][kind];
    if (m === microbatches) return Infinity;
    if (kind === 2) return w < i ? free[d] : Infinity;
    if (kind === 1) {
      if (i >= f) return Infinity;
      if (d === devices - 1) return free[d];
      return made[d + 1][1] > m ? Math.max(free[d], ends[d + 1][1][m] + times[d].sendMs) : Infinity;
    }
    if (f - w >= limit) return Infinity;
    if (d === 0) return free[d];
    return made[d - 1][0] > m ? Math.max(free[d], ends[d - 1][0][m] + times[d - 1].sendMs) : Infinity;
  };
  /** What each device needs at least from here on. */
  const least = (): number =>
    Math.max(
      ...times.map((_, d) => {
        const left = lengths[d].reduce((ms, length, kind) => ms + length * (microbatches - made[d][kind]), 0);
        return Math.max(free[d], first[d]) + left - first[d];
      }),
    );
  /** Whether another beginning with the same passes is nowhere later: what follows it is no longer. */
  const isDominated = (): boolean => {
    const state = [...free];
    for (let d = 0; d < devices; d++) {
      if (d + 1 < devices) for (let m = made[d + 1][0]; m < made[d][0]; m++) state.push(ends[d][0][m]);
      if (d > 0) for (let m = made[d - 1][1]; m < made[d][1]; m++) state.push(ends[d][1][m]);
    }
    const key = made.join();
    const others = known.get(key) ?? [];
    if (others.some((other) => other.every((ms, k) => ms <= state[k] + 1e-12))) return true;
    known.set(key, [...others.filter((other) => !other.every((ms, k) => ms >= state[k])), state]);
    return false;
  };
  const search = (): void => {
    if (least() >= best - 1e-9) return;
    let at = -1;
    let earliest = Infinity;
    for (let d = 0; d < devices; d++) {
      for (const kind of [0, 1, 2] as const) {
        const end = startOf(d, kind) + lengths[d][kind];
        if (end < earliest) [earliest, at] = [end, d];
      }
    }
    if (at < 0) {
      best = Math.max(...free.map((ms, d) => ms - first[d]));
      return;
    }
    if (isDominated()) return;
    for (const kind of [1, 0, 2] as const) {
      const start = startOf(at, kind);
      if (start >= earliest) continue;
      const before = free[at];
      free[at] = start + lengths[at][kind];
      if (kind < 2) ends[at][kind][made[at][kind]] = free[at];
      made[at][kind]++;
      search();
      made[at][kind]--;
      free[at] = before;
    }
  };
  search();
  return best;
}
