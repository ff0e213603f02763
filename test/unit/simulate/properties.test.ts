/** What holds for every schedule, whatever the costs. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Cluster, Link } from "../../../src/model/cluster";
import { scheduleNames } from "../../../src/model/plan";
import type { Profile } from "../../../src/model/profile";
import type { Program } from "../../../src/model/program";
import { compilePlan } from "../../../src/plan/compile";
import { predictedFigures, predictPlan } from "../../../src/plan/predict";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { checkProgram } from "../../../src/schedule/check";
import { contextOf } from "../../../src/simulate/context";
import { isComputing, settle, simulate } from "../../../src/simulate/engine";
import type { Graph } from "../../../src/simulate/graph";
import { outcomesOf } from "../../../src/simulate/selfConditioning";
import { examplesOf, type Example } from "./plans";

const near = 1e-9;

/** The programs of an example, filled and not. */
function programsOf({ plan, context }: Example): readonly Program[] {
  return [fillPlan(plan, context, false), withoutFilling(plan, context)].map((made) => compilePlan(made.plan, context));
}

const anyExample = fc.constantFrom(...scheduleNames).chain(examplesOf);

function check(property: (example: Example) => void, numRuns = 60): void {
  fc.assert(fc.property(anyExample, property), { numRuns, seed: 19 });
}

function withLinks(cluster: Cluster, change: (link: Link) => Link): Cluster {
  return { ...cluster, nodeGroups: cluster.nodeGroups.map((group) => ({ ...group, intraNode: { ...group.intraNode, ...change(group.intraNode) } })), interNode: { ...cluster.interNode, ...change(cluster.interNode) } };
}

function slower({ profile, cluster }: Example, factor: number): { readonly profile: Profile; readonly cluster: Cluster } {
  const components = profile.components.map((component) => ({
    ...component,
    layers: component.layers.map((layer) => ({ ...layer, times: layer.times.map((time) => ({ ...time, forwardMs: time.forwardMs * factor, inputGradMs: time.inputGradMs * factor, weightGradMs: time.weightGradMs * factor })) })),
  }));
  const links = withLinks(cluster, ({ latencyUs, bandwidthGBps }) => ({ latencyUs: latencyUs * factor, bandwidthGBps: bandwidthGBps / factor }));
  const nodeGroups = links.nodeGroups.map((group) => ({ ...group, device: { ...group.device, bandwidthGBps: group.device.bandwidthGBps / factor } }));
  return { profile: { ...profile, components }, cluster: { ...links, nodeGroups } };
}

const alone = (graph: Graph): Graph => ({ ...graph, links: undefined });

describe("simulated schedules", () => {
  it("are sound programs", () => check((example) => programsOf(example).forEach((program) => assert.equal(checkProgram(program), undefined))));

  it("compute what the cost table says, no more and no less", () => {
    check((example) => {
      const { context, plan } = example;
      const samples = plan.batch.global / plan.dataParallel / plan.batch.microbatches;
      for (const program of programsOf(example)) {
        const simulation = simulate(program, context);
        const expected = new Map<string, number>();
        const add = (op: string, ms: number) => expected.set(op, (expected.get(op) ?? 0) + ms);
        plan.chains.forEach(({ stages }, c) =>
          stages.forEach(({ from, to, devices }) => {
            const sums = context.costs.chain(c, (samples * plan.dataParallel) / devices.length, 0);
            const passMs = (pass: keyof typeof sums) => devices.length * plan.batch.microbatches * (sums[pass][to] - sums[pass][from]);
            add("forward", passMs("forward") * (1 + (plan.recompute ? 1 : 0) + (context.workload.chains[c].chain.selfConditioning ? 1 : 0)));
            add("backward", passMs("backward"));
          }),
        );
        const spent = (ops: readonly string[]) => simulation.graph.operations.reduce((ms, { op }, i) => ms + (ops.includes(op) ? simulation.last.end[i] - simulation.last.start[i] : 0), 0);
        for (const [kind, ops] of [["forward", ["F", "R", "SELF_COND"]], ["backward", ["B", "I", "W"]]] as const) {
          assert(Math.abs(spent(ops) - (expected.get(kind) ?? 0)) <= 1e-6 * spent(ops), `${kind}: ${spent(ops)}, not ${expected.get(kind)}`);
        }
        const busy = simulation.graph.operations.reduce((ms, op, i) => ms + (isComputing(op) ? simulation.graph.ms[i] : 0), 0);
        assert(Math.abs(busy - (1 - simulation.bubbleRatio) * program.worldSize * simulation.periodMs) <= 1e-6 * busy);
      }
    });
  });

  it("take times as long where everything does", () => {
    check((example) => {
      const factor = 4; // a power of two, so that nothing is rounded differently
      const { profile, cluster } = slower(example, factor);
      for (const program of programsOf(example)) {
        const [quick, slow] = [simulate(program, example.context), simulate(program, contextOf(profile, cluster))];
        assert(Math.abs(slow.periodMs - factor * quick.periodMs) <= near * slow.periodMs);
        quick.last.end.forEach((end, i) => assert(Math.abs(slow.last.end[i] - factor * end) <= near * slow.last.end[i]));
      }
    });
  });

  it("in one order and without contention, a faster operation never makes the period longer", () => {
    fc.assert(
      fc.property(anyExample, fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), fc.double({ min: 0, max: 0.9, noNaN: true }), (example, picks, factor) => {
        const graph = alone(simulate(withoutFillingProgram(example), example.context).graph);
        const ms = Float64Array.from(graph.ms);
        for (const pick of picks) ms[pick % ms.length] *= factor;
        assert(settle({ ...graph, ms }).periodMs <= settle(graph).periodMs * (1 + near));
      }),
      { numRuns: 80, seed: 29 },
    );
  });

  it("contention never makes anything faster", () => {
    check((example) => {
      for (const program of programsOf(example)) {
        const { graph } = simulate(program, example.context);
        assert(settle(alone(graph)).periodMs <= settle(graph).periodMs * (1 + near));
      }
    });
  });

  it("are no slower on an infinitely fast network", () => {
    check((example) => {
      const fast = contextOf(example.profile, withLinks(example.cluster, () => ({ latencyUs: 0, bandwidthGBps: 1e18 })));
      for (const program of programsOf(example)) assert(simulate(program, fast).periodMs <= simulate(program, example.context).periodMs * (1 + near));
    });
  });

  it("where some iterations condition on themselves, the period is the mean of both kinds", () => {
    fc.assert(
      fc.property(anyExample.filter(({ context }) => outcomesOf(context).length === 2), ({ plan, context }) => {
        const { plan: filled } = fillPlan(plan, context, false);
        const periods = outcomesOf(context).map(({ context: own }) => simulate(compilePlan(filled, own), own).periodMs);
        assert(periods[1] <= periods[0] * (1 + near), "an extra pass makes an iteration shorter");
        const { timeline } = predictPlan(filled, context);
        assert(timeline.operations.some(({ op }) => op === "SELF_COND"));
        const { periodMs } = predictedFigures(filled, context);
        assert(Math.abs(periodMs - (periods[0] + periods[1]) / 2) <= near * periodMs);
        assert(Math.abs((timeline.expectedPeriodMs ?? 0) - periodMs) <= near * periodMs);
      }),
      { numRuns: 25, seed: 41 },
    );
  });

  it("waste what bubbles and slow batches leave undone", () => {
    check((example) => {
      const { plan, context, profile, cluster } = example;
      const { plan: made } = withoutFilling(plan, context);
      const { waste = 0, bubbleRatio } = predictPlan(made, context).timeline;
      assert(waste >= bubbleRatio - near);
      // Where all batches are equally good, only updates of the weights and passes made again are no work at its best.
      const layers = (all: Profile["components"][number]["layers"]) => all.map((layer) => ({ ...layer, times: layer.times.map((time) => ({ ...layer.times[0], batch: time.batch, forwardMs: time.batch * layer.times[0].forwardMs, inputGradMs: time.batch * layer.times[0].inputGradMs, weightGradMs: time.batch * layer.times[0].weightGradMs })) }));
      const even = contextOf({ ...profile, components: profile.components.map((component) => ({ ...component, layers: layers(component.layers) })) }, cluster);
      const level = predictPlan(made, even).timeline;
      const updates = level.operations.reduce((ms, op) => ms + (op.iteration === 0 && (op.op === "OPTIM" || op.op === "EMA") ? op.endMs - op.startMs : 0), 0) / (level.devices.length * level.periodMs);
      if (!plan.recompute) assert(Math.abs((level.waste ?? 0) - level.bubbleRatio - updates) < 1e-9);
    });
  });
});

function withoutFillingProgram({ plan, context }: Example): Program {
  return compilePlan(withoutFilling(plan, context).plan, context);
}
