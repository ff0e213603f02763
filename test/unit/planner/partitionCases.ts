/** Random partitions for tests: skips, self-conditioning, several stages on a device, memory that binds or not. */
import type { Profile, Tensor } from "../../../src/model/profile";
import type { ScheduleName } from "../../../src/model/plan";
import { partition } from "../../../src/planner/partition/partition";
import { simulationBudget } from "../../../src/planner/partition/refine";
import { excessOf, shapesOf } from "../../../src/planner/partition/shapes";
import { usableBytes, type Shape } from "../../../src/planner/partition/stageCosts";
import { trialsOf } from "../../../src/planner/trials";
import { contextOf, type Context } from "../../../src/simulate/context";
import { pick, type Random } from "../fuzz/mutate";
import { allCuts, clusterOf, planAt, profileOf, type Kind } from "./cases";

/** What cases of a test have in common. */
export interface Space {
  readonly schedules: readonly ScheduleName[];
  /** From and to, inclusive. */
  readonly layers: readonly [number, number];
  readonly devices: readonly [number, number];
  readonly stagesPerDevice: number;
  readonly skips: boolean;
  readonly selfConditioned: boolean;
}

export interface Case {
  readonly context: Context;
  readonly shape: Shape;
  readonly kind: Kind;
  readonly layers: number;
  readonly isBinding: boolean;
  /** Bytes by which cuts miss the memory, and their simulated period. */
  readonly excess: (cuts: readonly number[]) => number;
  readonly passesMs: (cuts: readonly number[]) => number;
  /** The period that `partition` finds. */
  readonly found: () => number;
}

const between = (random: Random, [from, to]: readonly [number, number]) => from + Math.floor(random() * (to - from + 1));

/** Values from each layer to the next, and a UNet's: from layer i to about its mirror image, some with several consumers. */
function tensorsOf(random: Random, layers: number, bytes: () => number): readonly Tensor[] {
  const at = (layer: number) => ({ component: "backbone", layer: `layer${layer}` });
  const tensor = (id: string, from: number, to: readonly number[]): Tensor => ({ id, producer: at(from), consumers: to.map(at), bytesPerSample: bytes(), hasGradient: random() < 0.9, transport: "chain" });
  const chain = Array.from({ length: layers - 1 }, (_, l) => tensor(`next${l}`, l, [l + 1]));
  const skips = Array.from({ length: Math.floor(layers / 2) }, (_, l) => {
    const mirrored = Math.min(layers - 1, Math.max(l + 1, layers - 1 - l + between(random, [-1, 1])));
    return random() < 0.7 ? [tensor(`skip${l}`, l, random() < 0.2 ? [l + 1, mirrored] : [mirrored])] : [];
  });
  const everywhere = random() < 0.3 ? [tensor("embedding", 0, Array.from({ length: layers - 1 }, (_, l) => l + 1))] : [];
  return [...chain, ...skips.flat(), ...everywhere];
}

/** Layer times with a heavy tail; messages from none to as long as a stage; memory plentiful, or little more than the least that any cut needs. */
export function caseOf(random: Random, space: Space): Case {
  const devices = between(random, space.devices);
  const stages = devices * space.stagesPerDevice;
  const layers = Math.max(stages, between(random, space.layers));
  const heavy = () => 1 + 20 * random() ** -0.5; // now and then one layer outweighs the others
  const times = Array.from({ length: layers }, () => ({ forward: heavy(), backward: 2 * heavy() }));
  const stageMs = times.reduce((ms, { forward, backward }) => ms + forward + backward, 0) / stages;
  const share = random() < 0.2 ? 0 : random();
  const bytes = () => (share * stageMs * random() * 1e6) / (space.skips ? 2 : 1);
  const trained = times.map((time) => ({ ...time, launch: random(), cut: bytes(), params: 1e6 * heavy(), saved: 1e7 * heavy() }));
  const plain = profileOf(trained);
  const selfConditioning = { probability: pick(random, [0.25, 0.5, 0.9, 1]), feedbackBytesPerSample: bytes() };
  const profile: Profile = { ...plain, ...(space.skips && { tensors: tensorsOf(random, layers, bytes) }), chains: plain.chains.map((chain) => ({ ...chain, ...(space.selfConditioned && { selfConditioning }) })) };
  const schedule = pick(random, space.schedules);
  const kind: Kind = { schedule, stages, microbatches: schedule === "dualpipev" ? between(random, [stages, stages + 6]) : between(random, [1, 8]), dataParallel: random() < 0.3 ? 2 : 1, samples: 1 };
  const overlaps = random() < 0.7;
  const clip = random() < 0.3 ? 1 : undefined;
  const contextWith = (memoryBytes: number) => contextOf(profile, clusterOf(devices * kind.dataParallel, { latencyUs: share === 0 ? 0 : 50, bandwidthGBps: 1 }, overlaps, memoryBytes));
  const planIn = (context: Context) => {
    const plan = planAt(context, { ...kind, ...(space.stagesPerDevice > 1 && { stagesPerDevice: space.stagesPerDevice }) }, [], clip);
    return { plan, shapes: shapesOf(plan, context) };
  };
  const roomy = contextWith(1e12);
  const anywhere = planIn(roomy);
  const least = usableBytes(roomy, 0) + Math.min(...allCuts(layers, stages).map(excessOf(anywhere.plan, anywhere.shapes, roomy)));
  const isBinding = random() < 0.5;
  const context = isBinding ? contextWith(Math.ceil(least * (1 + 0.3 * random()))) : roomy;
  const { plan, shapes } = planIn(context);
  const { passesMs } = trialsOf(plan, context);
  const excess = excessOf(plan, shapes, context);
  const periodMs = (cuts: readonly number[]) => (excess(cuts) <= 0 ? passesMs(cuts) : Infinity);
  return { context, kind, layers, isBinding, excess, passesMs, shape: shapes[0], found: () => partition(shapes, context, periodMs, simulationBudget(kind))?.periodMs ?? Infinity };
}
