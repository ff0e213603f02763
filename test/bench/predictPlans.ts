/** The plans of the grid, what predictors say of them, and how far off they are. */
import type { Cluster } from "../../src/model/cluster";
import type { Plan } from "../../src/model/plan";
import type { Profile } from "../../src/model/profile";
import { compilePlan } from "../../src/plan/compile";
import { predictedFigures } from "../../src/plan/predict";
import { runnable } from "../../src/plan/runnable";
import { fillPlan, withoutFilling } from "../../src/planner/fill/fill";
import { planOf, type PlanBase } from "../../src/planner/search/candidates";
import { shuffled } from "../../src/profile/statistics";
import { contextOf, type Context } from "../../src/simulate/context";
import { simulate } from "../../src/simulate/engine";
import { globalBatch, grid, heldOutSeed, nameOf, orderSeed, type Entry } from "./predictGrid";

const devices = 2;

export interface Planned {
  readonly name: string;
  readonly heldOut: boolean;
  readonly plan: Plan;
}

/** The grid's plans for a profile, those held out marked. */
export function plansOf(base: PlanBase, profile: Profile, cluster: Cluster): readonly Planned[] {
  const context = contextOf(profile, cluster);
  const heldOut = new Set(shuffled(grid, heldOutSeed).slice(0, grid.length / 2));
  return grid.map((entry) => ({ name: nameOf(entry), heldOut: heldOut.has(entry), plan: planFor(entry, base, context) }));
}

function planFor({ schedule, microbatches, cuts, fill }: Entry, base: PlanBase, context: Context): Plan {
  const stages = cuts.length + 1;
  const candidate = { schedule, stages, ...(stages > devices && { stagesPerDevice: stages / devices }), microbatches, dataParallel: 1, boundMs: 0 };
  const bare = planOf(base, candidate, globalBatch, [0, ...cuts, context.workload.chains[0].layers.length], context.workload);
  const { plan } = fill ? fillPlan(bare, context, true) : withoutFilling(bare, context);
  return { ...plan, runnable: runnable(plan, context.workload), predicted: predictedFigures(plan, context) };
}

/** Ms that a plan's iterations take by another profile of the same model. */
export function periodMs(plan: Plan, profile: Profile, cluster: Cluster): number {
  const context = contextOf(profile, cluster);
  return simulate(compilePlan(plan, context), context).periodMs;
}

/**
 * What one would do without measuring layers: every pass of a layer takes its FLOPs times one factor, by which all layers
 * together take as long as in `profile` when they compute the global batch at once.
 */
export function constantPerFlop(profile: Profile): Profile {
  const layers = profile.components.flatMap((component) => component.layers);
  const passes = ({ needsInputGrad, needsWeightGrad }: (typeof layers)[number]) => 1 + Number(needsInputGrad) + Number(needsWeightGrad);
  let ms = 0;
  let flops = 0;
  for (const layer of layers) {
    const time = layer.times.find(({ batch }) => batch === globalBatch);
    if (!time) throw new Error(`${layer.name} was not profiled for ${globalBatch} samples.`);
    ms += time.forwardMs + time.inputGradMs + time.weightGradMs;
    flops += passes(layer) * (layer.flopsPerSample ?? 0) * globalBatch;
  }
  return {
    ...profile,
    components: profile.components.map((component) => ({
      ...component,
      layers: component.layers.map((layer) => ({
        ...layer,
        times: layer.times.map((time) => {
          const each = ((layer.flopsPerSample ?? 0) * time.batch * ms) / flops;
          return { ...time, forwardMs: each, inputGradMs: layer.needsInputGrad ? each : 0, weightGradMs: layer.needsWeightGrad ? each : 0 };
        }),
      })),
    })),
  };
}

/** The order of the runs: each of `plans` plans twice, the first in the order so often that noise can be told. */
export function runOrder(plans: number, noiseRuns: number): readonly number[] {
  const each = shuffled(Array.from({ length: plans }, (_, index) => index), orderSeed);
  return shuffled([...each, ...each, ...Array.from({ length: noiseRuns - 2 }, () => each[0])], orderSeed);
}
