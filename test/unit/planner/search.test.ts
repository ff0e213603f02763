import { strict as assert } from "node:assert";
import fc from "fast-check";
import { Cancelled, UserError } from "../../../src/model/errors";
import { scheduleNames } from "../../../src/model/plan";
import { compilePlan } from "../../../src/plan/compile";
import { allMethods, baselines } from "../../../src/planner/baselines/baselines";
import { predictedFigures } from "../../../src/plan/predict";
import { validatePlan } from "../../../src/plan/validate";
import { afterPasses } from "../../../src/planner/fill/fill";
import { withCuts } from "../../../src/planner/cuts";
import { balancedPlan } from "../../../src/planner/search/balanced";
import { candidatesOf, type Candidate } from "../../../src/planner/search/candidates";
import { searchPlan } from "../../../src/planner/search/search";
import { contextOf } from "../../../src/simulate/context";
import { simulate } from "../../../src/simulate/engine";
import { base, clusterOf, free, problem, profileOf } from "./cases";

const trained = [3, 9, 4, 4, 7, 2, 5, 6].map((ms) => ({ forward: ms, backward: 2 * ms, launch: 0.5, cut: 20_000 }));
const frozen = { text: { layers: [4, 4].map((ms) => ({ forward: ms, backward: 0, launch: 0.2, cut: 1000 })) } };
const contextAt = (devices: number, memoryBytes = 1e9) => contextOf(profileOf(trained, frozen), clusterOf(devices, { latencyUs: 50, bandwidthGBps: 5 }, true, memoryBytes));
const space = { globalBatch: 8, schedules: ["1f1b", "gpipe"] as const, fill: true };

describe("search", () => {
  it("finds what a search over every single candidate finds", async () => {
    for (const devices of [2, 4]) {
      const context = contextAt(devices);
      const { plan, rows } = await searchPlan(base, space, context);
      const each = await Promise.all(
        candidatesOf(space, context).map((row) => searchPlan(base, { ...space, schedules: [row.schedule], stages: row.stages, microbatches: row.microbatches }, context)),
      );
      const best = Math.min(...each.map((one) => one.plan.predicted.periodMs));
      assert(Math.abs(plan.predicted.periodMs - best) <= 2e-6 * best);
      assert.equal(rows.length, each.length);
      assert.equal(simulate(compilePlan(plan, context), context).periodMs, plan.predicted.periodMs);
    }
  });

  it("finds with every schedule what a search over every single candidate finds, the quick schedules first or all alike", async () => {
    const context = contextAt(4);
    const all = { globalBatch: 8, schedules: scheduleNames, fill: false };
    const each = await Promise.all(candidatesOf(all, context).map((row) => searchPlan(base, { ...all, schedules: [row.schedule], stages: row.stages, microbatches: row.microbatches }, context)));
    const least = Math.min(...each.map((one) => one.plan.predicted.periodMs));
    for (const usual of [undefined, ["ddp", "gpipe", "1f1b"] as const]) {
      const { plan, rows } = await searchPlan(base, { ...all, usual }, context);
      assert(Math.abs(plan.predicted.periodMs - least) <= 2e-6 * least, `${plan.predicted.periodMs}, ${least}`);
      assert(rows.every(({ status }) => status !== "not tried"));
    }
  }).timeout(120_000);

  it("says of every candidate what became of it, also where the effort ends, and loses none of the usual ones", async () => {
    const context = contextAt(4);
    const all = { globalBatch: 8, schedules: scheduleNames, usual: ["ddp", "gpipe", "1f1b"] as const, fill: false };
    const usual = await searchPlan(base, { ...all, schedules: all.usual }, context);
    const untried = new Set<boolean>();
    for (const effort of [0, 5000, Infinity]) {
      const early: number[] = [];
      const { plan, rows } = await searchPlan(base, { ...all, effort }, context, { onUsual: (found) => early.push(found.predicted.periodMs) });
      assert.deepEqual(early, [usual.plan.predicted.periodMs], "their best is handed over before the others are looked at");
      const left = rows.filter(({ status }) => status === "not tried");
      untried.add(left.length > 0);
      assert.equal(rows.length, candidatesOf(all, context).length);
      assert(left.every(({ schedule, boundMs }) => !all.usual.some((name) => name === schedule) && boundMs <= plan.predicted.periodMs));
      assert(plan.predicted.periodMs <= usual.plan.predicted.periodMs * (1 + 1e-9));
    }
    assert.deepEqual(untried, new Set([true, false]));
  });

  it("its bound is one: no simulated plan beats it", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { schedule, batch, dataParallel, chains } = plan;
        const kind = candidatesOf({ globalBatch: batch.global, schedules: [schedule.name], fill: false, stages: chains[0].stages.length, microbatches: batch.microbatches }, context);
        const withoutFrozen = contextOf({ ...context.workload.profile, components: context.workload.profile.components.slice(0, 1).map((one) => ({ ...one, after: [] })) }, context.cluster);
        const { periodMs } = simulate(compilePlan(plan, withoutFrozen), withoutFrozen);
        const again = simulate(compilePlan({ ...plan, recompute: true }, withoutFrozen), withoutFrozen).periodMs;
        for (const { stages, microbatches } of kind.filter((candidate) => candidate.dataParallel === dataParallel)) {
          const [same] = candidatesOf({ globalBatch: batch.global, schedules: [schedule.name], fill: false, stages, microbatches }, withoutFrozen);
          assert(same.boundMs <= periodMs * (1 + 1e-9));
          const [recomputed] = candidatesOf({ globalBatch: batch.global, schedules: [schedule.name], fill: false, stages, microbatches }, withoutFrozen, undefined, true);
          assert(recomputed.boundMs <= again * (1 + 1e-9));
        }
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it("its bound holds where all-reduces decide, and is near", async () => {
    const heavy = trained.map((one) => ({ ...one, params: 4e6 }));
    const shares: number[] = [];
    for (const bandwidthGBps of [0.05, 0.2, 1]) {
      const context = contextOf(profileOf(heavy, frozen), clusterOf(4, { latencyUs: 20, bandwidthGBps }));
      for (const schedule of scheduleNames.filter((name) => name !== "bidirectional")) {
        const wanted = { ...space, schedules: [schedule] };
        for (const { stages, microbatches } of candidatesOf(wanted, context)) {
          const { rows } = await searchPlan(base, { ...wanted, stages, microbatches }, context);
          for (const { predicted, boundMs, dataParallel } of rows) {
            if (!predicted) continue;
            assert(boundMs <= predicted.periodMs * (1 + 1e-9), `${schedule} ${stages} ${microbatches}: ${boundMs}, ${predicted.periodMs}`);
            if (dataParallel === 4) shares.push(boundMs / predicted.periodMs);
          }
        }
      }
    }
    assert(shares.length > 0 && Math.max(...shares) > 0.95);
  });

  it("baselines have their frozen work before or after the passes, whichever is faster", async () => {
    const iterations = new Set<number | undefined>();
    for (const [microbatches, params] of [[8, 4000], [1, 4e7]] as const) {
      const context = contextOf(profileOf(trained.map((one) => ({ ...one, params })), frozen), clusterOf(4, { latencyUs: 50, bandwidthGBps: 5 }, true, 1e12));
      for (const schedule of ["ddp", "1f1b"] as const) {
        const wanted = { globalBatch: 32, schedules: [schedule], fill: false, microbatches };
        const [plain, either] = [await searchPlan(base, wanted, context), await searchPlan(base, { ...wanted, blockAfterPasses: true }, context)];
        assert(either.plan.predicted.periodMs <= plain.plan.predicted.periodMs * (1 + 1e-9));
        assert(plain.plan.fills.every(({ iteration }) => iteration === 0));
        const after = afterPasses(plain.plan, context);
        assert(either.plan.predicted.periodMs <= after.simulation.periodMs * (1 + 1e-6));
        for (const { iteration } of either.plan.fills) iterations.add(iteration);
        validatePlan(after.plan, context.workload, 4);
      }
    }
    assert(iterations.has(1));
  });

  it("computes activations again where nothing else fits", async () => {
    const profile = profileOf(trained, {});
    // Activations decide: they are many times the weights.
    const heavy = { ...profile, components: profile.components.map((one) => ({ ...one, layers: one.layers.map((own) => ({ ...own, savedBytesPerSample: { untilInputGrad: 3e6, untilWeightGrad: 7e6 } })) })) };
    const within = (memoryBytes: number) => searchPlan(base, { ...space, fill: false }, contextOf(heavy, clusterOf(2, { latencyUs: 50, bandwidthGBps: 5 }, true, memoryBytes)));
    const roomy = await within(1e12);
    assert.equal(roomy.plan.recompute, undefined);
    // 10 MB a layer and sample: of 1F1B's two micro-batches the first stage holds at least two or three layers, the second six or
    // five of one. Computed again, only one micro-batch's four layers are held at a time.
    const limit = 5.2e7;
    const { plan, rows } = await within(limit);
    assert.equal(plan.recompute, true);
    assert(plan.predicted.peakMemoryBytes.every((bytes) => bytes <= limit));
    assert(rows.some((row) => row.status === "does not fit" && !row.recompute));
    assert(plan.runnable !== true && /compute activations again/.test(plan.runnable.reason));
  });

  it("computes activations again where that allows a shape that is faster, as a search of all shapes finds", async () => {
    // A call costs as much as twenty samples: large micro-batches pay, but four of them at once don't fit the first stage.
    const profile = profileOf(Array.from({ length: 8 }, () => ({ forward: 1, backward: 2, launch: 20, cut: 1000, saved: 1e7 })));
    const schedules = ["ddp", "1f1b", "gpipe"] as const;
    for (const [memoryBytes, recomputes] of [[9e7, true], [1e12, false]] as const) {
      const context = contextOf(profile, clusterOf(4, free, true, memoryBytes));
      const wanted = { globalBatch: 32, schedules, fill: false };
      const periodOf = (candidate: Candidate): number => {
        const begun = balancedPlan(base, wanted.globalBatch, candidate, context, Infinity, wanted.fill);
        if ("missingBytes" in begun) return Infinity;
        const plan = withCuts(begun.start, begun.balanced.cuts);
        const { periodMs, peakMemoryBytes } = predictedFigures(plan, context);
        return Math.max(...peakMemoryBytes) <= memoryBytes ? periodMs : Infinity;
      };
      const [stored, again] = [false, true].map((recompute) => Math.min(...candidatesOf(wanted, context, undefined, recompute).map(periodOf)));
      const { plan, rows } = await searchPlan(base, wanted, context);
      assert.equal(plan.recompute, recomputes || undefined);
      assert(recomputes ? again < 0.95 * stored && stored < Infinity : again > stored);
      assert(Math.abs(plan.predicted.periodMs - Math.min(stored, again)) <= 2e-6 * plan.predicted.periodMs, `${plan.predicted.periodMs}, ${stored}, ${again}`);
      // Where all fits, nothing is computed again, not even in thought.
      assert.equal(rows.some((row) => row.recompute), recomputes);
    }
  });

  it("tries a deeper warm-up where messages are long, and takes it where it is faster", async () => {
    const slow = contextOf(profileOf(trained, {}), clusterOf(4, { latencyUs: 4000, bandwidthGBps: 1 }));
    const { plan, rows } = await searchPlan(base, { ...space, globalBatch: 16, schedules: ["1f1b"], stages: 4, microbatches: 16 }, slow);
    assert.deepEqual(rows.map(({ warmup }) => warmup).sort(), [2, undefined]);
    const usual = simulate(compilePlan({ ...plan, schedule: { name: "1f1b" } }, slow), slow).periodMs;
    assert.equal(plan.schedule.warmup, 2);
    assert(plan.predicted.periodMs < usual);
    assert(candidatesOf({ ...space, schedules: ["1f1b"], stages: 4, microbatches: 8 }, contextAt(4)).every(({ warmup }) => warmup === undefined));
  });

  it("tries all ways of Chimera's concatenation where there is more than one unit", async () => {
    const context = contextAt(4);
    const wanted = { ...space, globalBatch: 32, schedules: ["chimera"] as const, stages: 4, fill: false };
    for (const microbatches of [2, 8]) {
      const { plan, rows } = await searchPlan(base, { ...wanted, microbatches }, context);
      const tried = microbatches > 2 ? ["doubling", "whole", undefined] : [undefined];
      assert.deepEqual(rows.map(({ concatenation }) => concatenation).sort(), tried);
      const direct = rows.find(({ concatenation }) => concatenation === undefined)?.predicted?.periodMs ?? Infinity;
      // Backward passes take twice as long as forward passes here.
      if (microbatches > 2) assert(plan.schedule.concatenation !== undefined && plan.predicted.periodMs < 0.9 * direct);
      else assert.equal(plan.schedule.concatenation, undefined);
      assert.equal(simulate(compilePlan(plan, context), context).periodMs, plan.predicted.periodMs);
    }
  });

  it("lets ZB-H2 hold fewer micro-batches where memory is short", async () => {
    const profile = profileOf(trained, {});
    const heavy = { ...profile, components: profile.components.map((one) => ({ ...one, layers: one.layers.map((own) => ({ ...own, savedBytesPerSample: { untilInputGrad: 1e6, untilWeightGrad: 9e6 } })) })) };
    const within = (memoryBytes: number) => searchPlan(base, { globalBatch: 16, schedules: ["zb-h2"], stages: 4, microbatches: 16, fill: false }, contextOf(heavy, clusterOf(4, { latencyUs: 50, bandwidthGBps: 5 }, true, memoryBytes)));
    const roomy = await within(1e12);
    const limit = Math.max(...roomy.plan.predicted.peakMemoryBytes) * 0.8;
    const { plan } = await within(limit);
    assert(plan.schedule.held !== undefined && plan.schedule.held < 7);
    assert(plan.predicted.peakMemoryBytes.every((bytes) => bytes <= limit));
    assert.equal(simulate(compilePlan(plan, contextOf(heavy, clusterOf(4, { latencyUs: 50, bandwidthGBps: 5 }, true, limit))), contextOf(heavy, clusterOf(4, { latencyUs: 50, bandwidthGBps: 5 }, true, limit))).periodMs, plan.predicted.periodMs);
  });

  it("says by how much nothing fits, and what would help", async () => {
    await assert.rejects(searchPlan(base, space, contextAt(2, 50_000)), (error) => error instanceof UserError && /misses \d+ MB/.test(error.message) && /smaller batch/.test(error.message));
  });

  it("refuses a batch that cannot be split", async () => {
    await assert.rejects(searchPlan(base, { ...space, globalBatch: 7, microbatches: 2 }, contextAt(2)), /cannot be split evenly/);
  });

  it("can be cancelled and tells how far it is", async () => {
    const abort = new AbortController();
    const seen: number[] = [];
    const running = searchPlan(base, space, contextAt(4), {
      signal: abort.signal,
      onProgress: (done) => {
        seen.push(done);
        if (done === 1) abort.abort();
      },
    });
    await assert.rejects(running, Cancelled);
    assert.deepEqual(seen, [0, 1]);
  });

  it("baselines put nothing between passes and keep to their method", async () => {
    const found = await baselines(base, 8, contextAt(4), allMethods(contextAt(4)));
    assert.deepEqual(found.map(({ name }) => name), ["DDP", "GPipe", "1F1B", "FSDP", "interleaved 1F1B", "zero bubble", "DualPipeV", "Chimera", "cached encodings"]);
    for (const { name, result } of found) {
      assert(!("reason" in result));
      // One block of each device: this iteration's work before its first pass, or the next one's after its last.
      assert(result.fills.every((fill) => fill.iteration === 0) || result.fills.every(({ iteration, before }) => iteration === 1 && before.op === "OPTIM"));
      if (result.fills.length > 0) validatePlan(result, contextAt(4).workload, 4);
      if (name !== "cached encodings") assert.equal(result.chains[0].stages.length === 1, name === "DDP" || name === "FSDP");
    }
    const alone = await baselines(base, 8, contextAt(1), allMethods(contextAt(1)));
    assert("predicted" in alone[0].result);
  });
});
