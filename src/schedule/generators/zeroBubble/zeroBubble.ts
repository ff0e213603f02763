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

/** How many orders are timed in the search for improvements: of short ones more, in all about as many passes. */
const improvedOrders = { least: 240, most: 600, passes: 150_000 };

/** Orders that are improved. */
const starts = 3;

interface Found {
  readonly codes: Codes;
  readonly ms: number;
}

/** The best order found. */
export function bestCodes(problem: Problem): Codes {
  const { devices, microbatches, bound } = problem;
  const count = 3 * devices * microbatches;
  const boundMs = bound.reduce((most, ms) => Math.max(most, ms), 0);
  const goodMs = boundMs * (1 + 1e-6);
  const timing = new Timing(problem);
  const found: Found[] = [];
  const add = (codes: Codes) => {
    const ms = timing.run(codes);
    if (ms === Infinity || found.some((other) => other.ms === ms) || (found.length === starts && ms >= found[starts - 1].ms)) return;
    found.push({ codes: codes.slice(), ms });
    found.sort((a, b) => a.ms - b.ms);
    found.length = Math.min(found.length, starts);
  };
  for (const depth of depths) {
    add(inTurn(problem, aheadOf(problem, depth, 0)));
    if (found[0].ms <= goodMs) return found[0].codes;
  }
  const greedy = new Greedy(problem);
  const codes = new Uint8Array(count);
  for (const [depth, first, foresees, over] of rules) {
    if (greedy.run({ ahead: aheadOf(problem, depth, first === "turns" ? 1 : 0), first, foresees, targetMs: boundMs * over }, codes)) add(codes);
    if (found[0].ms <= goodMs) return found[0].codes;
  }
  const runs = Math.min(improvedOrders.most, Math.max(improvedOrders.least, Math.ceil(improvedOrders.passes / count)));
  const improver = new Improver(problem, timing);
  const improved = found.map((one) => ({ codes: one.codes, ms: improver.improve(one.codes, goodMs, Math.ceil(runs / found.length)) }));
  return improved.reduce((best, one) => (one.ms < best.ms ? one : best)).codes;
}

/** Forward passes ahead per stage to come (1: those of 1F1B and ZB-H1, 2: of ZB-H2), or as many as there is time for. */
type Depth = number | "all";

const depths: readonly Depth[] = [1, 2, 1.25, 1.5, 3];

/**
 * Depth, what goes first, whether it foresees, and the target over the bound: of some 1,000 such rules those that, one after
 * another, shortened the orders of random problems most.
 */
const rules: readonly (readonly [Depth, Rule["first"], boolean, number])[] = [
  [2, "I", false, 1],
  [1, "turns", false, 1.01],
  [1.25, "turns", false, 1.06],
  [1.25, "F", true, 1],
  [1.25, "I", true, Infinity],
  [3, "I", false, 0],
  [2, "turns", false, 1.06],
  [2, "I", true, 1.01],
  [1.25, "turns", true, 1.03],
  ["all", "F", false, 1.12],
  [1, "turns", true, 1.03],
  [2, "turns", true, 1.01],
  [1.5, "F", true, 1],
  ["all", "I", true, 1.01],
  [3, "F", false, 1.06],
  [2, "F", false, 1],
  ["all", "I", false, 1.01],
  [1, "turns", false, 1],
  ["all", "F", false, 1],
  ["all", "turns", false, 1],
  [1.5, "I", false, 1],
  [1.5, "turns", false, 1.12],
  [3, "turns", false, 1.12],
  [2, "turns", false, 1.01],
];

/** `[device]`: how many micro-batches are under way there at most: on each device so many fewer than on the one before, but one at least. */
function aheadOf(problem: Problem, depth: Depth, fewer: number): Int32Array {
  const { devices, microbatches, limit, forward } = problem;
  const back = returnTimes(problem);
  const ahead = new Int32Array(devices);
  let most = Math.min(limit, microbatches);
  for (let d = 0; d < devices; d++) {
    const more = depth === "all" ? Math.floor(back[d] / Math.max(forward[d], 1e-9)) : Math.ceil(depth * (devices - 1 - d));
    ahead[d] = Math.max(1, Math.min(most, 1 + more));
    most = ahead[d] - fewer;
  }
  return ahead;
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

function stepsOf(codes: Codes, { devices, microbatches }: Problem): DeviceOrders {
  const kinds = ["F", "I", "W"] as const;
  const count = 3 * microbatches;
  return Array.from({ length: devices }, (_, stage) => {
    const made = [0, 0, 0];
    return Array.from(codes.subarray(stage * count, (stage + 1) * count), (code): PassStep => ({ op: kinds[code], chain: 0, replica: 0, stage, microbatch: made[code]++ }));
  });
}
