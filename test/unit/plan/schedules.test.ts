import { strict as assert } from "node:assert";
import fc from "fast-check";
import { concatenations, type Plan, type PlanChain, type ScheduleName } from "../../../src/model/plan";
import { compilePlan } from "../../../src/plan/compile";
import { runnable } from "../../../src/plan/runnable";
import { validatePlan } from "../../../src/plan/validate";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { isInV } from "../../../src/schedule/generators";
import { checkProgram } from "../../../src/schedule/check";
import { contextOf } from "../../../src/simulate/context";
import { simulate } from "../../../src/simulate/engine";
import { memoryUse } from "../../../src/simulate/memory";
import { timelineOf } from "../../../src/simulate/timeline";
import { base, chainsProfile, clusterOf, type LayerCase } from "../planner/cases";

const layerCase: fc.Arbitrary<LayerCase> = fc.record({ forward: fc.integer({ min: 1, max: 9 }), backward: fc.integer({ min: 1, max: 20 }), launch: fc.constantFrom(0, 0.5), cut: fc.integer({ min: 0, max: 5000 }) });

interface Shape {
  readonly name: ScheduleName;
  readonly stages: number;
  readonly devices: number;
  readonly pipelines: number;
  /** Devices that share a stage's micro-batches. */
  readonly width: number;
}

function devicesOfStage({ name, stages, devices, pipelines, width }: Shape, chain: number, stage: number): readonly number[] {
  const ways = name === "chimera" ? [0, 1] : [name === "bidirectional" ? chain % 2 : 0];
  return Array.from({ length: pipelines }, (_, pipeline) => pipeline).flatMap((pipeline) =>
    ways.flatMap((way) => {
      const place = name === "interleaved" ? stage % devices : way === 1 || stage >= devices ? stages - 1 - stage : stage;
      return Array.from({ length: width }, (_, part) => (pipeline * devices + place) * width + part);
    }),
  );
}

const problem = fc
  .record({
    name: fc.constantFrom<ScheduleName[]>("1f1b", "gpipe", "interleaved", "zb-h1", "zb-h2", "zb-v", "dualpipev", "chimera", "bidirectional"),
    half: fc.integer({ min: 1, max: 2 }),
    pipelines: fc.integer({ min: 1, max: 2 }),
    width: fc.integer({ min: 1, max: 2 }),
    rounds: fc.integer({ min: 1, max: 2 }),
    chains: fc.array(fc.array(layerCase, { minLength: 9, maxLength: 12 }), { minLength: 3, maxLength: 3 }),
    count: fc.integer({ min: 1, max: 3 }),
    frozen: fc.array(layerCase, { minLength: 1, maxLength: 4 }),
    overlaps: fc.boolean(),
    recompute: fc.boolean(),
    warmup: fc.constantFrom(1, 2),
    concatenation: fc.constantFrom(...concatenations),
  })
  .map(({ name, half, pipelines, width, rounds, chains, count, frozen, overlaps, recompute, warmup, concatenation }) => {
    const devices = 2 * half;
    const shape: Shape = { name, devices, stages: name === "interleaved" || isInV(name) ? 2 * devices : devices, pipelines, width };
    const profile = chainsProfile(chains.slice(0, name === "bidirectional" ? Math.max(2, count) : count), frozen);
    const context = contextOf(profile, clusterOf(devices * pipelines * width, { latencyUs: 5, bandwidthGBps: 0.01 }, overlaps));
    const dataParallel = pipelines * (name === "chimera" ? 2 : 1);
    const microbatches = devices * (rounds + (name === "dualpipev" ? 1 : 0));
    const planChains = context.workload.chains.map(({ chain, layers }, c): PlanChain => {
      const cuts = Array.from({ length: shape.stages + 1 }, (_, s) => Math.floor((s * layers.length) / shape.stages));
      return { id: chain.id, stages: cuts.slice(1).map((to, s) => ({ from: cuts[s], to, devices: devicesOfStage(shape, c, s) })) };
    });
    const plan: Plan = {
      format: "diffusionpipe.plan/1",
      ...base,
      batch: { global: dataParallel * microbatches * width, microbatches },
      dataParallel,
      schedule: { name, ...(name === "1f1b" && { warmup }), ...(name === "chimera" && { concatenation }) },
      ...(recompute && { recompute }),
      chains: planChains,
      fills: [],
      runnable: { reason: "made up" },
      predicted: { periodMs: 0, makespanMs: 0, bubbleRatio: 0, throughputPerSecond: 0, peakMemoryBytes: [] },
    };
    return { plan, context, profile };
  });

describe("plans of every schedule", () => {
  it("are compiled into sound programs, with all work in them, with and without fills", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const bare = withoutFilling(plan, context);
        const filled = fillPlan(plan, context, false);
        assert(filled.simulation.periodMs <= bare.simulation.periodMs * (1 + 1e-9));
        for (const made of [bare.plan, filled.plan]) {
          validatePlan(made, context.workload, context.devices.length);
          const program = compilePlan(made, context);
          assert.equal(checkProgram(program), undefined);
          // Computed work is what layers cost at the samples that each device takes, whatever the schedule.
          const simulation = simulate(program, context);
          const samples = plan.batch.global / plan.dataParallel / plan.batch.microbatches;
          let expected = 0;
          plan.chains.forEach(({ stages }, c) =>
            stages.forEach(({ from, to, devices }) => {
              const sums = context.costs.chain(c, (samples * plan.dataParallel) / devices.length, 0);
              const pass = (name: "forward" | "backward") => sums[name][to] - sums[name][from];
              expected += devices.length * plan.batch.microbatches * (pass("forward") * (plan.recompute ? 2 : 1) + pass("backward"));
            }),
          );
          const passes = simulation.graph.operations.reduce((ms, op, i) => ms + (["F", "B", "I", "W", "R"].includes(op.op) ? simulation.graph.ms[i] : 0), 0);
          assert(Math.abs(passes - expected) <= 1e-6 * expected, `${passes}, not ${expected}`);
          for (const use of memoryUse(program, context, simulation)) {
            assert(use.steps.every(([, bytes]) => bytes >= use.baseBytes - 1e-3), "memory falls below its level between iterations");
            assert(Math.abs((use.steps.at(-1)?.[1] ?? use.baseBytes) - use.baseBytes) <= 1e-3, "memory does not come back to its level");
          }
          const { operations } = timelineOf(program, context);
          operations.forEach((operation) => operation.deps.forEach((dep) => assert(operations[dep].op === "REDUCE" || operation.op === "RECV" || operation.op === "REDISTRIBUTE" || operations[dep].endMs <= operation.startMs + 1e-6 || operation.op === "REDUCE" || operation.op === "GRAD_NORM")));
        }
      }),
      { numRuns: 120, seed: 17 },
    );
  });

  it("say that the trainer does not run them, where it does not", () => {
    for (const { plan, context } of fc.sample(problem, { numRuns: 40, seed: 3 })) {
      const says = runnable(plan, context.workload);
      assert(says !== true);
      if (context.workload.chains.length > 1) assert.match(says.reason, /one chain; this plan has [23]/);
      else if (!["gpipe", "1f1b", "interleaved"].includes(plan.schedule.name)) assert.match(says.reason, new RegExp(plan.schedule.name));
    }
  });

  it("are refused where a device would have to hold other stages than the schedule says", () => {
    const [{ plan, context }] = fc.sample(problem.filter((one) => one.plan.schedule.name === "chimera" && one.plan.dataParallel === 2 && one.plan.chains[0].stages.length === 4), { numRuns: 1, seed: 9 });
    const [chain] = plan.chains;
    const swapped = { ...plan, chains: [{ ...chain, stages: chain.stages.map((stage, s) => (s === 1 ? { ...stage, devices: [...stage.devices].reverse() } : stage)) }] };
    assert.throws(() => validatePlan(swapped, context.workload, context.devices.length), { name: "UserError" });
    assert.throws(() => validatePlan({ ...plan, dataParallel: 1, batch: { ...plan.batch, global: plan.batch.global } }, context.workload, context.devices.length), /cannot be paired/);
  });
});
