/**
 * Zero bubble schedules with one stage per device (Qi et al., 2023, "Zero Bubble Pipeline Parallelism"): the backward pass in
 * two parts, of which nothing waits for the weight gradients, so that they go where a device would wait.
 * - ZB-H1 holds as many micro-batches as 1F1B: with passes that all take 1, a device is at it for 3 * microbatches + devices - 1.
 * - ZB-H2 runs ahead further, up to 2 * devices - 1 micro-batches, and then leaves no bubble: 3 * microbatches.
 * Those are orders for equal passes. For what stages really take, orders are made by many rules (`greedy.ts`), and the shortest
 * ones improved (`improve.ts`).
 */
import type { DeviceOrders, PassStep, StageTimes } from "../order";
import { Greedy, type Rule } from "./greedy";
import { Improver } from "./improve";
import { F, I, W, problemOf, returnTimes, type Codes, type Problem } from "./problem";
import { Timing } from "./timing";

/**
 * @param limit Micro-batches that a device may hold, each from its F to the end of its W.
 * @param times Per stage; all passes alike where nothing is known.
 * @param endsTogether Whether no device begins its next iteration before all have ended this one.
 */
export function zeroBubble(devices: number, microbatches: number, limit: number, times?: readonly StageTimes[], endsTogether = false): DeviceOrders {
  const problem = problemOf(devices, microbatches, limit, times, endsTogether);
  return stepsOf(bestCodes(problem), problem);
}

/** How many passes are timed in the search for improvements, all orders together. */
const improvedPasses = 600_000;

/** Orders that are improved. */
const starts = 3;

interface Found {
  readonly codes: Codes;
  readonly ms: number;
}

export function bestCodes(problem: Problem): Codes {
  const { devices, microbatches, bound } = problem;
  const count = 3 * devices * microbatches;
  const boundMs = bound.reduce((most, ms) => Math.max(most, ms), 0) * (1 + 1e-6);
  const timing = new Timing(problem);
  const found: Found[] = [];
  const add = (codes: Codes) => {
    const ms = timing.run(codes);
    if (ms === Infinity) return;
    if (found.length < starts || ms < found[found.length - 1].ms) {
      if (found.some((other) => other.ms === ms)) return;
      found.push({ codes: codes.slice(), ms });
      found.sort((a, b) => a.ms - b.ms);
      found.length = Math.min(found.length, starts);
    }
  };
  for (const ahead of aheads(problem)) {
    add(inTurn(problem, ahead));
    if (found[0].ms <= boundMs) return found[0].codes;
  }
  const greedy = new Greedy(problem);
  const codes = new Uint8Array(count);
  for (const rule of rules(problem, () => found[0].ms)) {
    if (greedy.run(rule, codes)) add(codes);
    if (found[0].ms <= boundMs) return found[0].codes;
  }
  const runs = Math.ceil(improvedPasses / count);
  const improver = new Improver(problem, timing, runs);
  const improved = found.map((one) => ({ codes: one.codes, ms: improver.improve(one.codes, boundMs, Math.ceil(runs / found.length)) }));
  return improved.reduce((best, one) => (one.ms < best.ms ? one : best)).codes;
}

/** `[device]`: how many micro-batches are under way there at most, for several ways to say that. */
function aheads(problem: Problem): readonly Int32Array[] {
  const { devices, microbatches, limit, forward, inputGrad, weightGrad } = problem;
  const back = returnTimes(problem);
  const slowest = forward.reduce((most, _, d) => Math.max(most, forward[d] + inputGrad[d] + weightGrad[d]), 0);
  const ways: readonly ((device: number) => number)[] = [
    (d) => devices - d,
    (d) => 2 * (devices - d) - 1,
    (d) => Math.ceil(1.5 * (devices - d) - 0.5),
    (d) => 1 + Math.ceil(back[d] / Math.max(forward[d], 1e-9)),
    (d) => 1 + Math.ceil(back[d] / slowest),
    (d) => 2 + Math.ceil(back[d] / slowest),
    () => limit,
  ];
  return ways.map((way) => Int32Array.from({ length: devices }, (_, d) => Math.max(1, Math.min(way(d), limit, microbatches))));
}

/** Forward passes ahead, then I, W and F in turn, W as late as the limit allows: the orders of the paper's figures. */
function inTurn({ devices, microbatches, limit }: Problem, ahead: Int32Array): Codes {
  const codes = new Uint8Array(3 * devices * microbatches);
  let at = 0;
  for (let device = 0; device < devices; device++) {
    const behind = limit - ahead[device];
    let forwards = 0;
    let weights = 0;
    const push = (code: number) => (codes[at++] = code);
    for (; forwards < ahead[device]; forwards++) push(F);
    for (let i = 0; i < microbatches; i++) {
      push(I);
      if (i >= behind) {
        push(W);
        weights++;
      }
      if (forwards < microbatches) {
        push(F);
        forwards++;
      }
    }
    for (; weights < microbatches; weights++) push(W);
  }
  return codes;
}

/** @param leastMs The time of the best order so far. */
function* rules(problem: Problem, leastMs: () => number): Generator<Rule> {
  const boundMs = problem.bound.reduce((most, ms) => Math.max(most, ms), 0);
  for (const ahead of aheads(problem)) {
    for (const forwardFirst of [false, true]) {
      for (const putsOff of [false, true]) {
        for (const share of [0, 0.5, 0.9, Infinity]) {
          const targetMs = share === Infinity ? Infinity : boundMs + share * (leastMs() - boundMs);
          yield { ahead, forwardFirst, putsOff, targetMs };
        }
        yield { ahead, forwardFirst, putsOff, targetMs: 0 };
      }
    }
  }
}

function stepsOf(codes: Codes, { devices, microbatches }: Problem): DeviceOrders {
  const kinds = ["F", "I", "W"] as const;
  const count = 3 * microbatches;
  return Array.from({ length: devices }, (_, stage) => {
    const made = [0, 0, 0];
    return Array.from(codes.subarray(stage * count, (stage + 1) * count), (code): PassStep => ({ op: kinds[code], chain: 0, replica: 0, stage, microbatch: made[code]++ }));
  });
}
