import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Program } from "../../../src/model/program";
import type { TimelineOperation } from "../../../src/model/timeline";
import { compilePlan } from "../../../src/plan/compile";
import { predictPlan } from "../../../src/plan/predict";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { checkProgram } from "../../../src/schedule/check";
import { contextOf } from "../../../src/simulate/context";
import { isComputing, simulate } from "../../../src/simulate/engine";
import { memoryUse } from "../../../src/simulate/memory";
import { clusterOf, free, planAt, problem, profileOf } from "../planner/cases";

const runs = { numRuns: 60, seed: 7 };

const isReceive = (op: TimelineOperation) => op.op === "RECV" || op.direction === "receive";

/** What uses one resource: computing a device, sends its way out, receives nothing but the rank's place in its list. */
function streamOf(op: TimelineOperation): string {
  if (op.stream === "compute") return `${op.device} compute`;
  return `${op.device} ${isReceive(op) ? "waiting" : "sending"}`;
}

/** Iterations end to end must agree with the times of the single operations. */
function uniform(stages: number, microbatches: number, schedule: "gpipe" | "1f1b", maxGradNorm?: number) {
  const profile = profileOf(Array.from({ length: stages }, () => ({ forward: 3, backward: 5, launch: 0, cut: 0 })));
  profile.components[0].layers.forEach((layer) => Object.assign(layer, { paramBytes: 0 }));
  const context = contextOf(profile, clusterOf(stages, free));
  const plan = planAt(context, { schedule, stages, microbatches, dataParallel: 1, samples: 1 }, Array.from({ length: stages + 1 }, (_, i) => i), maxGradNorm);
  return simulate(compilePlan(plan, context), context);
}

describe("simulator", () => {
  it("takes the optimizer's steps as measured, and by memory where one of a chain was not", () => {
    const steps = [2, 3, 5, 7];
    const profile = profileOf(steps.map(() => ({ forward: 3, backward: 5, launch: 0, cut: 0 })));
    const optimizerMs = (measured: readonly number[]) => {
      profile.components[0].layers.forEach((layer, l) => Object.assign(layer, { paramBytes: 4e6, optimizerMs: measured[l] }));
      const context = contextOf(profile, clusterOf(2, free));
      const plan = planAt(context, { schedule: "1f1b", stages: 2, microbatches: 2, dataParallel: 1, samples: 1 }, [0, 1, 4]);
      const { graph } = simulate(compilePlan(plan, context), context);
      return graph.operations.flatMap(({ op }, i) => (op === "OPTIM" ? [graph.ms[i]] : []));
    };
    assert.deepEqual(optimizerMs(steps), [2, 15]);
    const byMemory = optimizerMs([2, 3, 5]);
    assert(Math.abs(byMemory[1] / byMemory[0] - 3) < 1e-9, `${byMemory}`);
    assert.notDeepEqual(byMemory, [2, 15]);
  });

  it("equal stages without communication take (M + S - 1)(F + B)", () => {
    for (const schedule of ["gpipe", "1f1b"] as const) {
      for (const [stages, microbatches] of [[1, 1], [2, 4], [4, 4], [4, 16], [8, 32]]) {
        const expected = (microbatches + stages - 1) * 8;
        const held = uniform(stages, microbatches, schedule, 1);
        assert(Math.abs(held.makespanMs - expected) < 1e-6, `${schedule} ${stages} ${microbatches}: ${held.makespanMs}`);
        // A barrier keeps iterations apart.
        assert(Math.abs(held.periodMs - expected) < 1e-6);
        assert(Math.abs(held.bubbleRatio - (stages - 1) / (microbatches + stages - 1)) < 1e-9);
        assert(Math.abs(held.throughputPerSecond - (microbatches / expected) * 1e3) < 1e-6);
      }
    }
  });

  it("a barrier never makes the period shorter", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const periodAt = (maxGradNorm: number | undefined) => simulate(compilePlan({ ...plan, optimizer: { ...plan.optimizer, maxGradNorm } }, context), context).periodMs;
        assert(periodAt(undefined) <= periodAt(1) * (1 + 1e-9));
      }),
      runs,
    );
  });

  it("no operation starts before what it waits for, and no stream does two things at once", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { timeline } = predictPlan(fillPlan(plan, context, false).plan, context);
        const near = 1e-6;
        timeline.operations.forEach((op) => {
          assert(op.endMs >= op.startMs);
          for (const dep of op.deps) {
            const other = timeline.operations[dep];
            assert(op.startMs >= other.endMs - near, `${op.op} starts at ${op.startMs}, ${other.op} ends at ${other.endMs}`);
          }
        });
        const streams = new Map<string, TimelineOperation[]>();
        for (const op of timeline.operations) streams.set(streamOf(op), [...(streams.get(streamOf(op)) ?? []), op]);
        for (const ops of streams.values()) {
          ops.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
          for (let i = 1; i < ops.length; i++) assert(ops[i].startMs >= ops[i - 1].endMs - near);
        }
      }),
      runs,
    );
  });

  it("passes wait for the messages of their micro-batch, and encodings come before the iteration that uses them", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { timeline } = predictPlan(fillPlan(plan, context, false).plan, context);
        const { operations } = timeline;
        const near = 1e-6;
        const replica = (device: number) => plan.chains[0].stages.map((stage) => stage.devices.indexOf(device)).find((index) => index >= 0);
        const passes = new Map(operations.filter((op) => op.op === "F" || op.op === "B").map((op) => [`${op.op} ${op.iteration} ${op.stage} ${op.microbatch} ${replica(op.device)}`, op]));
        const last = plan.chains[0].stages.length - 1;
        for (const op of passes.values()) {
          const key = `${op.microbatch} ${replica(op.device)}`;
          if (op.op === "F" && op.stage! > 0) assert(op.startMs >= passes.get(`F ${op.iteration} ${op.stage! - 1} ${key}`)!.endMs - near);
          if (op.op === "B") assert(op.startMs >= passes.get(op.stage === last ? `F ${op.iteration} ${op.stage} ${key}` : `B ${op.iteration} ${op.stage! + 1} ${key}`)!.endMs - near);
        }
        for (const fill of operations.filter((op) => op.op === "FILL")) {
          const users = operations.filter((op) => op.op === "F" && op.iteration === fill.iteration && replica(op.device) === replica(fill.device));
          for (const user of users) assert(user.startMs >= fill.endMs - near);
        }
      }),
      runs,
    );
  });

  it("work is conserved: each iteration computes what the costs say, whatever the order", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { batch, dataParallel } = plan;
        const sums = context.costs.chain(0, batch.global / dataParallel / batch.microbatches, 0);
        const layers = context.workload.chains[0].layers.length;
        const passesMs = (sums.forward[layers] + sums.backward[layers]) * batch.microbatches * dataParallel;
        const { graph } = simulate(compilePlan(plan, context), context);
        const busy = graph.operations.reduce((ms, op, i) => ms + (op.op === "F" || op.op === "B" ? graph.ms[i] : 0), 0);
        assert(Math.abs(busy - passesMs) <= 1e-9 * passesMs);
        const { timeline } = predictPlan(withoutFilling(plan, context).plan, context);
        const shown = timeline.operations.filter((op) => op.iteration === 0 && isComputing(op)).reduce((ms, op) => ms + op.endMs - op.startMs, 0);
        const expected = (1 - timeline.bubbleRatio) * timeline.devices.length * timeline.periodMs;
        assert(Math.abs(shown - expected) <= 1e-6 * expected);
      }),
      runs,
    );
  });

  it("memory is back at its level after an iteration and never below what stays", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        for (const { plan: filled, simulation } of [fillPlan(plan, context, false), withoutFilling(plan, context)]) {
          for (const use of memoryUse(compilePlan(filled, context), context, simulation)) {
            const level = use.steps.at(-1)?.[1] ?? use.baseBytes;
            assert(Math.abs(level - use.baseBytes) < 1, `ends at ${level}, began at ${use.baseBytes}`);
            assert(use.peakBytes >= use.baseBytes);
          }
        }
      }),
      runs,
    );
  });

  it("times scale with costs", () => {
    fc.assert(
      fc.property(problem, fc.integer({ min: 2, max: 9 }), ({ plan, context, profile, cluster }, factor) => {
        const components = profile.components.map((component) => ({
          ...component,
          layers: component.layers.map((layer) => ({
            ...layer,
            times: layer.times.map((time) => ({ ...time, forwardMs: time.forwardMs * factor, inputGradMs: time.inputGradMs * factor, weightGradMs: time.weightGradMs * factor })),
          })),
        }));
        const slower = (link: { latencyUs: number; bandwidthGBps: number }) => ({ latencyUs: link.latencyUs * factor, bandwidthGBps: link.bandwidthGBps / factor });
        const [group] = cluster.nodeGroups;
        const slow = {
          ...cluster,
          nodeGroups: [{ ...group, intraNode: slower(group.intraNode), device: { ...group.device, bandwidthGBps: group.device.bandwidthGBps / factor } }],
          interNode: slower(cluster.interNode),
        };
        const filled = withoutFilling(plan, context).plan;
        const scaled = simulate(compilePlan(filled, context), contextOf({ ...profile, components }, slow));
        const { periodMs } = simulate(compilePlan(filled, context), context);
        assert(Math.abs(scaled.periodMs - factor * periodMs) <= 1e-6 * scaled.periodMs);
      }),
      runs,
    );
  });

  it("the critical path leads without a gap from the window's beginning to its end", () => {
    fc.assert(
      fc.property(problem, ({ plan, context }) => {
        const { operations, criticalPath } = predictPlan(withoutFilling(plan, context).plan, context).timeline;
        const ends = operations.map((op) => op.endMs);
        assert(Math.abs(operations[criticalPath.at(-1)!].endMs - Math.max(...ends)) < 1e-9);
        for (let i = 1; i < criticalPath.length; i++) {
          const op = operations[criticalPath[i]];
          assert(op.deps.includes(criticalPath[i - 1]));
          const from = operations[criticalPath[i - 1]].endMs;
          if (op.op !== "REDUCE" && op.op !== "GRAD_NORM") assert(Math.abs(Math.max(op.startMs, isReceive(op) ? from : 0) - from) < 1e-6);
        }
      }),
      runs,
    );
  });

  it("refuses ranks that wait for each other", () => {
    const profile = profileOf([{ forward: 1, backward: 1, launch: 0, cut: 4 }, { forward: 1, backward: 1, launch: 0, cut: 4 }]);
    const context = contextOf(profile, clusterOf(2, free));
    const program = compilePlan(planAt(context, { schedule: "gpipe", stages: 2, microbatches: 1, dataParallel: 1, samples: 1 }, [0, 1, 2]), context);
    const [first, second] = program.ranks;
    const f0 = first.operations.findIndex((op) => op.op === "F");
    // The first stage's backward pass asks for its gradient before it has sent the activation.
    const receive = first.operations.findIndex((op) => op.op === "RECV");
    const reordered = [first.operations[receive], ...first.operations.slice(f0, receive), ...first.operations.slice(receive + 1)];
    const broken: Program = { ...program, ranks: [{ ...first, operations: reordered }, second] };
    assert.throws(() => simulate(broken, context), /wait for each other/);
    assert.match(checkProgram(broken) ?? "", /wait for each other/);
  });
});
