/** Fills for a plan: greedy with several margins, judged by simulation; never worse than not filling. */
import type { Fill, Plan } from "../../model/plan";
import type { Context } from "../../simulate/context";
import { simulate, type Simulation } from "../../simulate/engine";
import { compilePlan } from "../../plan/compile";
import { unfilled } from "../../plan/frozenWork";
import { replicaSamples } from "../../plan/stages";
import { bubblesOf } from "./bubbles";
import { greedyFills, type FillSettings } from "./greedy";

export interface Filled {
  readonly plan: Plan;
  readonly simulation: Simulation;
}

/** Tight margins pack more; wide ones leave room for the messages between fills. */
const margins = [0, 0.05, 0.15, 0.3];

/** This iteration's frozen work before its first pass: the plan that every filling has to beat. */
export function withoutFilling(plan: Plan, context: Context): Filled {
  return withFills(plan, unfilled(plan, context.workload), context);
}

/** The best of several fillings of `plan`, and of not filling. Ties go to the filling with the wider margin. */
export function fillPlan(plan: Plan, context: Context, settings?: FillSettings): Filled {
  const baseline = withoutFilling(plan, context);
  if (context.workload.frozen.length === 0) return baseline;
  const trainedOnly = withFills(plan, [], context).simulation;
  const smallestMs = settings?.smallestMs ?? trainedOnly.periodMs / 500;
  const tried = (settings ? [settings.margin] : margins).map((margin) => withFills(plan, fillReplicas(plan, context, trainedOnly, { margin, smallestMs }), context));
  return tried.reduce((best, candidate) => (candidate.simulation.periodMs <= best.simulation.periodMs ? candidate : best), baseline);
}

function withFills(plan: Plan, fills: readonly Fill[], context: Context): Filled {
  const filled = { ...plan, fills };
  return { plan: filled, simulation: simulate(compilePlan(filled, context.workload), context) };
}

/** The fills of replica 0, repeated for the others with their own samples and devices: all replicas work alike. */
function fillReplicas(plan: Plan, context: Context, simulation: Simulation, settings: FillSettings): readonly Fill[] {
  const { stages } = plan.chains[0];
  const ranks = stages.map((stage) => stage.devices[0]);
  const [, samples] = replicaSamples(plan, 0);
  const fills = greedyFills(context, bubblesOf(simulation, ranks, settings.smallestMs), ranks, samples, settings);
  return Array.from({ length: plan.dataParallel }, (_, replica) => replica).flatMap((replica) => {
    const [from] = replicaSamples(plan, replica);
    return fills.map((fill) => ({ ...fill, samples: [fill.samples[0] + from, fill.samples[1] + from] as const, device: stages[ranks.indexOf(fill.device)].devices[replica] }));
  });
}
