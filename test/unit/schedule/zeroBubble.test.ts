import { strict as assert } from "node:assert";
import fc from "fast-check";
import { deviceOrders } from "../../../src/schedule/generators";
import { oneFOneB } from "../../../src/schedule/generators/oneFOneB";
import type { DeviceOrders, PassStep, Pipeline, Step } from "../../../src/schedule/generators/order";
import { zeroBubble } from "../../../src/schedule/generators/zeroBubble/zeroBubble";
import { assertComplete, play, type Played } from "./play";
import { shortestMs, type SmallCase } from "./shortestOrder";

interface Case extends SmallCase {
  /** What messages take between any two devices. */
  readonly send: number;
}

/** What passes take, all stages alike or each for itself, and how many micro-batches a device may hold. */
function cases(least: { devices: number; microbatches: number }, most: { devices: number; microbatches: number }): fc.Arbitrary<Case> {
  const ms = fc.integer({ min: 1, max: 9 });
  return fc
    .record({
      stages: fc.array(fc.record({ forwardMs: ms, inputGradMs: ms, weightGradMs: ms }), { minLength: least.devices, maxLength: most.devices }),
      alike: fc.boolean(),
      microbatches: fc.integer({ min: least.microbatches, max: most.microbatches }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      send: fc.constantFrom(0, 0.5, 2),
    })
    .map(({ stages, alike, microbatches, share, send }) => ({ microbatches, limit: stages.length + Math.round(share * stages.length), send, times: stages.map((stage) => ({ ...(alike ? stages[0] : stage), sendMs: send })) }));
}

function played({ microbatches, times, send }: Case, orders: DeviceOrders): Played {
  const pipeline: Pipeline = { schedule: { name: "zb-h1" }, devices: times.length, microbatches, chains: [{ stages: times.length }] };
  const of = ({ op, stage }: PassStep) => {
    const { forwardMs, inputGradMs, weightGradMs } = times[stage];
    return op === "F" ? forwardMs : op === "I" ? inputGradMs : op === "W" ? weightGradMs : inputGradMs + weightGradMs;
  };
  assertComplete(pipeline, orders);
  return play(pipeline, orders, { of, send });
}

const made = ({ microbatches, limit, times }: Case, endsTogether = false) => zeroBubble(times.length, microbatches, limit, times, endsTogether);

/** The most micro-batches between their F and the end of their W on any device. */
function mostHeld(orders: DeviceOrders): number {
  const most = (steps: readonly Step[]) => steps.reduce(({ held, most }, { op }) => ({ held: held + (op === "F" ? 1 : op === "W" ? -1 : 0), most: Math.max(most, held + (op === "F" ? 1 : 0)) }), { held: 0, most: 0 }).most;
  return Math.max(...orders.map(most));
}

/** As drawn in the paper: so many F ahead (`depth` for each stage to come, and one), then I, W, F in turn, each W as late as may be. */
function drawn(devices: number, microbatches: number, limit: number, depth: 1 | 2): DeviceOrders {
  return Array.from({ length: devices }, (_, stage) => {
    const ahead = Math.min(limit, microbatches, 1 + depth * (devices - 1 - stage));
    const owed = limit - ahead;
    const pass = (op: PassStep["op"], microbatch: number): PassStep => ({ op, chain: 0, replica: 0, stage, microbatch });
    const steps = Array.from({ length: ahead }, (_, m) => pass("F", m));
    for (let m = 0; m < microbatches; m++) {
      steps.push(pass("I", m));
      if (m >= owed) steps.push(pass("W", m - owed));
      if (m + ahead < microbatches) steps.push(pass("F", m + ahead));
    }
    for (let m = Math.max(0, microbatches - owed); m < microbatches; m++) steps.push(pass("W", m));
    return steps;
  });
}

/**
 * Of the busiest device: its work, and where it holds fewer micro-batches than there are, the waits for the first gradient and
 * for the last one, as far as what it holds cannot fill them.
 */
function leastMs({ times, send, microbatches, limit }: Case): number {
  return Math.max(
    ...times.map(({ forwardMs, inputGradMs, weightGradMs }, stage) => {
      const back = times.slice(stage + 1).reduce((ms, later) => ms + later.forwardMs + later.inputGradMs + 2 * send, 0);
      const waits = Math.max(0, back - (limit - 1) * forwardMs) + Math.max(0, back - (limit - 1) * (inputGradMs + weightGradMs));
      return microbatches * (forwardMs + inputGradMs + weightGradMs) + (microbatches > limit ? waits : 0);
    }),
  );
}

const alike = (devices: number, microbatches: number, limit: number): Case => ({ microbatches, limit, send: 0, times: Array.from({ length: devices }, () => ({ forwardMs: 1, inputGradMs: 1, weightGradMs: 1, sendMs: 0 })) });
const small = cases({ devices: 2, microbatches: 2 }, { devices: 3, microbatches: 4 });
const any = cases({ devices: 1, microbatches: 1 }, { devices: 8, microbatches: 20 });

describe("zero bubble schedules with one stage per device", () => {
  it("take no longer than known for equal passes", () => {
    for (const [devices, microbatches, limit, ms] of [
      [4, 8, 4, 27],
      [8, 16, 8, 55],
      [8, 32, 8, 103],
      [8, 32, 16, 96],
      [16, 64, 16, 207],
      [32, 128, 32, 415],
    ]) {
      const one = alike(devices, microbatches, limit);
      const orders = made(one);
      assert(mostHeld(orders) <= limit);
      assert.equal(played(one, orders).span, ms);
    }
  });

  it("H1 takes 3 m + p - 1 at the memory of 1F1B, H2 3 m", () => {
    for (const devices of [2, 3, 4, 7, 8]) {
      for (const microbatches of [2 * devices, 3 * devices, 5 * devices + 1]) {
        for (const name of ["zb-h1", "zb-h2"] as const) {
          const orders = deviceOrders({ schedule: { name }, devices, microbatches, chains: [{ stages: devices }] });
          const { span } = played(alike(devices, microbatches, devices), orders);
          assert.equal(span, 3 * microbatches + (name === "zb-h1" ? devices - 1 : 0));
          assert(mostHeld(orders) <= (name === "zb-h1" ? devices : 2 * devices - 1));
        }
      }
    }
    const held = deviceOrders({ schedule: { name: "zb-h2", held: 5 }, devices: 4, microbatches: 12, chains: [{ stages: 4 }] });
    assert(mostHeld(held) <= 5);
  });

  it("are nearly always as short as the shortest order of all, and otherwise near", () => {
    let equal = 0;
    let worst = 1;
    const all = fc.sample(small, { numRuns: 200, seed: 8 });
    for (const one of all) {
      const { span } = played(one, made(one));
      const least = shortestMs(one, span);
      if (span <= least * (1 + 1e-6)) equal++;
      worst = Math.max(worst, span / least);
    }
    assert(equal >= 0.95 * all.length, `${equal} of ${all.length}`);
    assert(worst <= 1.02, `${worst}`);
  }).timeout(60_000);

  it("the oracle knows the shortest orders of equal passes, with nothing to begin from", () => {
    for (const [devices, microbatches] of [[2, 3], [2, 4], [3, 5], [3, 6]]) {
      assert.equal(shortestMs(alike(devices, microbatches, devices), Infinity), 3 * microbatches + devices - 1);
      assert.equal(shortestMs(alike(devices, microbatches, 2 * devices - 1), Infinity), 3 * microbatches);
    }
  });

  it("make each pass once, within the limit, never slower than 1F1B or the orders of the paper", () => {
    fc.assert(
      fc.property(any, fc.boolean(), (one, endsTogether) => {
        const { times: { length: devices }, microbatches, limit } = one;
        const orders = made(one, endsTogether);
        assert(mostHeld(orders) <= limit);
        const ours = played(one, orders);
        const others = [oneFOneB(devices, microbatches), drawn(devices, microbatches, limit, 1), drawn(devices, microbatches, limit, 2)];
        for (const other of others) {
          const theirs = played(one, other);
          if (endsTogether) assert(ours.makespan <= theirs.makespan * (1 + 1e-6));
          else assert(ours.span <= theirs.span * (1 + 1e-6), `${ours.span}, ${theirs.span}`);
        }
      }),
      { numRuns: 150, seed: 12 },
    );
  }).timeout(60_000);

  it("come near to what no order can beat where micro-batches are many", () => {
    const many = fc.sample(cases({ devices: 4, microbatches: 24 }, { devices: 8, microbatches: 32 }), { numRuns: 40, seed: 5 });
    const over = many.map((one) => played(one, made(one)).span / leastMs(one));
    const mean = over.reduce((sum, share) => sum + share, 0) / over.length;
    assert(Math.min(...over) >= 1 - 1e-9, "shorter than its bound");
    assert(mean <= 1.02, `${mean}`);
  });

  it("hold fewer micro-batches than stages where they are told to", () => {
    for (const limit of [1, 2, 3]) assert.equal(mostHeld(made(alike(5, 9, limit))), limit);
  });
});
