/** Whether a predicted timeline could happen, judged by rules and costs written down here and not by the simulator's own code. */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { Cluster } from "../../../src/model/cluster";
import type { Plan } from "../../../src/model/plan";
import type { Profile, ProfileComponent, ProfileLayer } from "../../../src/model/profile";
import type { Timeline, TimelineOperation } from "../../../src/model/timeline";
import { predictPlan } from "../../../src/plan/predict";
import { fillPlan, withoutFilling } from "../../../src/planner/fill/fill";
import { problem } from "../planner/cases";

const near = 1e-6;

/** The made-up times are straight lines through batches 1 and 2. */
function lineMs({ times: [one, two] }: ProfileLayer, pass: "forward" | "backward", batch: number): number {
  const at = ({ forwardMs, inputGradMs, weightGradMs }: ProfileLayer["times"][number]) => (pass === "forward" ? forwardMs : inputGradMs + weightGradMs);
  return at(one) + (at(two) - at(one)) * (batch - 1);
}

function sumMs(layers: readonly ProfileLayer[], pass: "forward" | "backward", batch: number): number {
  return layers.reduce((ms, layer) => ms + lineMs(layer, pass, batch), 0);
}

function checkTimeline({ operations, periodMs }: Timeline, plan: Plan, profile: Profile, cluster: Cluster): void {
  const [{ intraNode }] = cluster.nodeGroups;
  const travelMs = (bytes: number) => intraNode.latencyUs / 1000 + bytes / (intraNode.bandwidthGBps * 1e6);
  const { stages } = plan.chains[0];
  const share = plan.batch.global / plan.dataParallel;
  const samples = share / plan.batch.microbatches;
  const [backbone, ...frozen] = profile.components;
  const devices = new Map(stages.flatMap((stage, s) => stage.devices.map((device, replica) => [device, { s, replica }] as const)));
  const lengthOf = (op: TimelineOperation) => op.endMs - op.startMs;
  const isNear = (a: number, b: number, what: string) => assert(Math.abs(a - b) <= near * Math.max(1, b), `${what}: ${a}, not ${b}`);

  // One thing at a time on a device.
  for (const device of devices.keys()) {
    const busy = operations.filter((op) => op.device === device && ["F", "B", "FILL", "OPTIM", "EMA"].includes(op.op)).sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
    busy.forEach((op, i) => assert(i === 0 || op.startMs >= busy[i - 1].endMs - near, `${op.op} and ${busy[i - 1]?.op} at once on device ${device}`));
    const steps = busy.filter((op) => op.op === "OPTIM");
    assert.equal(steps.length, 2);
    // A device that is a little faster than the others drifts through many iterations before it waits for them.
    assert(Math.abs(steps[1].startMs - steps[0].startMs - periodMs) <= 1e-3 * periodMs, "period");
  }
  for (const op of operations) if (op.bytes !== undefined && (op.op === "SEND" || op.direction === "send")) assert(lengthOf(op) >= travelMs(op.bytes) - near);

  // Passes: how long, each once, in order along the pipeline.
  const passes = new Map(operations.filter((op) => op.op === "F" || op.op === "B").map((op) => [`${op.op} ${op.iteration} ${devices.get(op.device)!.replica} ${op.stage} ${op.microbatch}`, op]));
  assert.equal(passes.size, 2 * 2 * plan.batch.microbatches * devices.size);
  const cutBytes = (stage: number, way: "forward" | "backward") => backbone.layers[stages[stage].to - 1].cutBytesPerSample[way] * samples;
  for (const iteration of [0, 1]) for (let replica = 0; replica < plan.dataParallel; replica++) for (let microbatch = 0; microbatch < plan.batch.microbatches; microbatch++) {
    const pass = (op: "F" | "B", stage: number) => passes.get(`${op} ${iteration} ${replica} ${stage} ${microbatch}`)!;
    stages.forEach(({ from, to }, s) => {
      const layers = backbone.layers.slice(from, to);
      isNear(lengthOf(pass("F", s)), sumMs(layers, "forward", samples), "forward pass");
      isNear(lengthOf(pass("B", s)), sumMs(layers, "backward", samples), "backward pass");
      assert(pass("B", s).startMs >= pass("F", s).endMs - near);
      if (s === 0) return;
      assert(pass("F", s).startMs >= pass("F", s - 1).endMs + travelMs(cutBytes(s - 1, "forward")) - near, "an activation came too early");
      assert(pass("B", s - 1).startMs >= pass("B", s).endMs + travelMs(cutBytes(s - 1, "backward")) - near, "a gradient came too early");
    });
  }

  // Frozen work that serves iteration 1: each layer of each sample once, after what it needs, before the passes.
  const fills = operations.filter((op) => op.op === "FILL" && op.iteration === 1);
  const cell = (component: string, layer: number, sample: number) => `${component} ${layer} ${sample}`;
  const made = new Map<string, TimelineOperation>();
  for (const fill of fills) {
    const component = frozen.find(({ name }) => name === fill.component)!;
    isNear(lengthOf(fill), sumMs(component.layers.slice(...fill.layers!), "forward", fill.samples![1] - fill.samples![0]), "fill");
    for (let layer = fill.layers![0]; layer < fill.layers![1]; layer++) for (let sample = fill.samples![0]; sample < fill.samples![1]; sample++) {
      assert(!made.has(cell(component.name, layer, sample)), "a frozen layer ran twice for a sample");
      made.set(cell(component.name, layer, sample), fill);
    }
  }
  assert.equal(made.size, plan.batch.global * frozen.reduce((count, { layers }) => count + layers.length, 0));
  /** A sample's value goes from `maker` to `user` with all others that both work on. */
  const arrivesMs = (maker: TimelineOperation, user: number, from: number, to: number, { layers }: ProfileComponent, layer: number) => {
    if (maker.device === user) return maker.endMs;
    const count = Math.min(maker.samples![1], to) - Math.max(maker.samples![0], from);
    return maker.endMs + travelMs(layers[layer].cutBytesPerSample.forward * count);
  };
  for (const fill of fills) {
    const component = frozen.find(({ name }) => name === fill.component)!;
    const [layer] = fill.layers!;
    const needs = layer > 0 ? [{ component, layer: layer - 1 }] : frozen.filter(({ name }) => component.after.includes(name)).map((other) => ({ component: other, layer: other.layers.length - 1 }));
    for (const need of needs) for (let sample = fill.samples![0]; sample < fill.samples![1]; sample++) {
      const maker = made.get(cell(need.component.name, need.layer, sample))!;
      assert(fill.startMs >= arrivesMs(maker, fill.device, ...fill.samples!, need.component, need.layer) - near, "a frozen layer began before its input was there");
    }
  }
  for (const [device, { replica }] of devices) {
    const first = Math.min(...operations.filter((op) => op.op === "F" && op.iteration === 1 && op.device === device).map((op) => op.startMs));
    for (const component of frozen) for (let sample = replica * share; sample < (replica + 1) * share; sample++) {
      const last = component.layers.length - 1;
      assert(first >= arrivesMs(made.get(cell(component.name, last, sample))!, device, replica * share, (replica + 1) * share, component, last) - near, "a pass began before its encodings were there");
    }
  }
}

describe("predicted timelines", () => {
  it("could happen, filled or not", () => {
    fc.assert(
      fc.property(problem, ({ plan, context, profile, cluster }) => {
        for (const { plan: made } of [fillPlan(plan, context, false), fillPlan(plan, context, true), withoutFilling(plan, context)]) {
          checkTimeline(predictPlan(made, context).timeline, made, profile, cluster);
        }
      }),
      { numRuns: 50, seed: 23 },
    );
  });

  it("the rules see through faults", () => {
    const [{ plan, context, profile, cluster }] = fc.sample(problem.filter((one) => one.plan.chains[0].stages.length > 2 && one.plan.batch.microbatches > 2), { numRuns: 1, seed: 5 });
    const { timeline } = predictPlan(fillPlan(plan, context, false).plan, context);
    const change = (which: (op: TimelineOperation) => boolean, to: (op: TimelineOperation) => TimelineOperation) => {
      const at = timeline.operations.findIndex(which);
      assert(at >= 0);
      return { ...timeline, operations: timeline.operations.with(at, to(timeline.operations[at])) };
    };
    checkTimeline(timeline, plan, profile, cluster);
    const earlier = (by: number) => (op: TimelineOperation) => ({ ...op, startMs: op.startMs - by, endMs: op.endMs - by });
    const broken = [
      change((op) => op.op === "F" && op.stage === 2 && op.iteration === 1, earlier(1)),
      change((op) => op.op === "B" && op.stage === 0 && op.iteration === 1, earlier(1)),
      change((op) => op.op === "FILL" && op.iteration === 1, (op) => ({ ...op, samples: [op.samples![0], op.samples![1] + 1] })),
      change((op) => op.op === "FILL" && op.iteration === 1, (op) => ({ ...op, endMs: op.endMs + 1e4 })),
      { ...timeline, periodMs: timeline.periodMs * 1.01 },
    ];
    for (const wrong of broken) assert.throws(() => checkTimeline(wrong, plan, profile, cluster));
  });
});
