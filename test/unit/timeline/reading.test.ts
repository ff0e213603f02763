/** What the details pane says of a slice beyond its own fields: layers, tensors, and what waits for what. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Plan } from "../../../src/model/plan";
import type { Profile } from "../../../src/model/profile";
import { predictPlan } from "../../../src/plan/predict";
import { contextOf } from "../../../src/simulate/context";
import { placeLanes, placeOfOperation } from "../../../src/timeline/layout/geometry";
import { layoutTimeline } from "../../../src/timeline/layout/lanes";
import { layerSequence, layersOf } from "../../../src/timeline/layout/layerSequence";
import { layerWorkOf } from "../../../src/timeline/layout/layerTimes";
import { tensorsOf } from "../../../src/timeline/layout/messageTensors";
import { dependentsOf, endOfIdle, lastDependency } from "../../../src/timeline/layout/waiting";
import { clusterOf, planOf, profile } from "../../webview/documents";
import { operation, timelineOf, twoStages } from "./builders";

const context = contextOf(profile, clusterOf(2));
const predicted = (plan: Plan, of: Profile = profile) => predictPlan(plan, contextOf(of, clusterOf(2)));

/** The profile with what each layer hands to the next, a skip from the UNet's first layer to its last, and what the encoders make for both. */
function withTensors(): Profile {
  const ref = (component: string, layer: string) => ({ component, layer });
  const unet = profile.components[2].layers;
  const [first, last] = [ref("unet", unet[0].name), ref("unet", unet[unet.length - 1].name)];
  const tensors = profile.components.flatMap(({ name, layers }) => layers.map((layer, index) => {
    const next = layers[index + 1];
    const isLast = index === layers.length - 1;
    const isEncoding = isLast && name !== "unet";
    return {
      id: `${name}/${layer.name}`, producer: ref(name, layer.name), consumers: isEncoding ? [first, last] : [...(isLast ? [] : [ref(name, next.name)]), ...(name === "unet" && index === 0 ? [last] : [])],
      bytesPerSample: 1000 + index, ...(isEncoding && { bytesFixed: 7 }), hasGradient: name === "unet", transport: isEncoding ? ("redistribute" as const) : ("chain" as const),
    };
  }));
  return { ...profile, tensors: tensors.filter(({ consumers }) => consumers.length > 0) };
}

describe("layers of an operation", () => {
  it("are those of its component, or of its chain", () => {
    assert.equal(layerSequence(profile, { component: "vae" }).length, 10);
    assert.deepEqual(layersOf(profile, operation({ op: "F", chain: "unet", layers: [0, 2], startMs: 0, endMs: 1 })), [{ component: "unet", layer: "conv_in" }, { component: "unet", layer: "down.0.resnet.0" }]);
    assert.deepEqual(layersOf(profile, operation({ op: "OPTIM", startMs: 0, endMs: 1 })), []);
    assert.deepEqual(layerSequence(profile, { component: "no such" }), []);
  });

  it("take the operation's time together, for every plan", () => {
    fc.assert(fc.property(fc.constantFrom(1, 2), fc.constantFrom(1, 2, 4), fc.boolean(), fc.constantFrom("1f1b" as const, "gpipe" as const, "zb-h1" as const), (stages, microbatches, recompute, name) => {
      const whole = planOf(stages, Math.max(microbatches, stages));
      const plan = { ...whole, recompute, schedule: { name }, fills: whole.fills.map((fill) => (name === "zb-h1" && fill.before.op === "B" ? { ...fill, before: { ...fill.before, op: "I" as const } } : fill)) };
      let seen = 0;
      for (const op of predicted(plan).timeline.operations) {
        const work = layerWorkOf(op, plan, context);
        if (!work) continue;
        seen++;
        const sum = work.layers.reduce((ms, layer) => ms + layer.ms, 0);
        assert.ok(Math.abs(sum - (op.endMs - op.startMs)) < 1e-6, `${op.op}: ${sum} of ${op.endMs - op.startMs}`);
        assert.deepEqual(work.layers.map(({ component, layer }) => ({ component, layer })), layersOf(profile, op));
      }
      assert.ok(seen > 0);
    }), { numRuns: 15 });
  });

  it("are told apart by where their times come from, and say what they keep", () => {
    const plan = planOf(2, 4);
    const { operations } = predicted(plan).timeline;
    const workOf = (name: string) => {
      const op = operations.find((other) => other.op === name && other.device === 0);
      return op && layerWorkOf(op, plan, context);
    };
    assert.ok(workOf("F")?.layers.every(({ estimate }) => !estimate));
    assert.ok(workOf("B")?.layers.every(({ estimate }) => estimate), "gradients of this profile are estimates");
    const layers = profile.components[2].layers.slice(...[plan.chains[0].stages[0].from, plan.chains[0].stages[0].to]);
    assert.equal(workOf("F")?.saved?.untilInputGrad, 2 * layers.reduce((sum, layer) => sum + layer.savedBytesPerSample.untilInputGrad, 0));
    assert.equal(workOf("B")?.saved, undefined);
    assert.equal(layerWorkOf(operations.find(({ op }) => op === "F") ?? operations[0], { ...plan, recompute: true }, context)?.saved, undefined, "what is computed again is not kept");
    assert.equal(layerWorkOf(operation({ op: "F", chain: "other", layers: [0, 1], startMs: 0, endMs: 1 }), plan, context), undefined);
  });
});

describe("tensors of a message", () => {
  const known = withTensors();
  const { timeline, program } = predicted(planOf(2, 4), known);

  it("are named, and their bytes are those of the message, at both ends", () => {
    let seen = 0;
    for (const op of timeline.operations.filter(({ stream }) => stream === "communication")) {
      const tensors = tensorsOf(op, program, known);
      assert.ok(tensors.length > 0, `${op.op} ${op.channel}`);
      assert.ok(Math.abs(tensors.reduce((sum, { bytes }) => sum + bytes, 0) - (op.bytes ?? 0)) < 1e-6);
      seen++;
    }
    assert.ok(seen > 8);
    const forward = timeline.operations.find(({ op, channel }) => op === "SEND" && channel === "forward");
    assert.ok(forward);
    assert.deepEqual(new Set(tensorsOf(forward, program, known).map(({ id }) => id)), new Set(["unet/conv_in", `unet/${known.components[2].layers[planOf(2, 4).chains[0].stages[0].to - 1].name}`]), "the hidden state and the skip");
  });

  it("are none where there is no message, or the profile does not name them", () => {
    const pass = timeline.operations.find(({ op }) => op === "F");
    assert.deepEqual(pass && tensorsOf(pass, program, known), []);
    const plain = predicted(planOf(2, 4));
    for (const op of plain.timeline.operations) assert.deepEqual(tensorsOf(op, plain.program, profile), []);
  });
});

describe("what waits for what", () => {
  it("is the dependencies the other way round", () => {
    const { timeline } = predicted(planOf(2, 4));
    const dependents = dependentsOf(timeline);
    assert.equal(dependents.flat().length, timeline.operations.reduce((sum, { deps }) => sum + deps.length, 0));
    dependents.forEach((list, index) => list.forEach((dependent) => assert.ok(timeline.operations[dependent].deps.includes(index))));
    assert.deepEqual(dependentsOf(timelineOf([operation({ op: "F", startMs: 0, endMs: 1, deps: [9] })])), [[]], "a dependency that is not there");
  });

  it("names the dependency that ended last", () => {
    const timeline = timelineOf([operation({ op: "F", startMs: 0, endMs: 5 }), operation({ op: "F", startMs: 0, endMs: 7 }), operation({ op: "B", startMs: 7, endMs: 9, deps: [0, 1] })]);
    assert.equal(lastDependency(timeline, 2), 1);
    assert.equal(lastDependency(timeline, 0), undefined);
  });

  it("ends a bubble with the next operation, and follows the message back to who sent it", () => {
    const layouts = [layoutTimeline(twoStages())];
    const placement = placeLanes(layouts, { compute: 20, communication: 10, gap: 2, deviceGap: 6 });
    // Device 1 is idle from 8 to 10: F0 waits for the message of device 0's F0.
    assert.deepEqual(endOfIdle(placement, layouts, { lane: 2, row: 0, slice: 1 }), { next: 4, causes: [2, 0] });
    // Device 0 from 20 to 40 waits for device 1's B0.
    assert.deepEqual(endOfIdle(placement, layouts, { lane: 0, row: 0, slice: 2 }), { next: 8, causes: [5] });
    const busy = placeOfOperation(placement, 0, 0);
    assert.equal(busy && endOfIdle(placement, layouts, busy), undefined);
  });

  it("ends where a file's dependencies go round in circles", () => {
    const message = (index: number, dep: number) => operation({ op: "SEND", stream: "communication", startMs: index, endMs: index + 1, deps: [dep] });
    const layouts = [layoutTimeline(timelineOf([operation({ op: "F", startMs: 0, endMs: 1 }), operation({ op: "F", startMs: 5, endMs: 6, deps: [2] }), message(2, 3), message(3, 2)]))];
    const placement = placeLanes(layouts, { compute: 20, communication: 10, gap: 2, deviceGap: 6 });
    assert.equal(endOfIdle(placement, layouts, { lane: 0, row: 0, slice: 1 })?.next, 1);
  });
});
