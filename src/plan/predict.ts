/** From a plan to what it will do: compile, simulate, sum up. Quick enough to follow a pointer. */
import type { Plan, Predicted } from "../model/plan";
import type { FileRef } from "../model/profile";
import type { Program } from "../model/program";
import type { Timeline } from "../model/timeline";
import { simulate, type Simulation } from "../simulate/engine";
import type { Context } from "../simulate/context";
import { memoryUse } from "../simulate/memory";
import { outcomesOf } from "../simulate/selfConditioning";
import { timelineOf } from "../simulate/timeline";
import { wasteOf } from "../simulate/waste";
import { compilePlan } from "./compile";
import { validatePlan } from "./validate";

/**
 * The program of a plan and its predicted timeline (settled iterations; where chains condition on themselves, ones that do).
 * @param iterations How many are shown, side by side.
 * @throws UserError naming the field of a plan that does not fit its profile or cluster.
 */
export function predictPlan(plan: Plan, context: Context, planRef?: FileRef, iterations: 1 | 2 | 3 = 2): { program: Program; timeline: Timeline } {
  validatePlan(plan, context.workload, context.devices.length);
  const program = compilePlan(plan, context, planRef);
  const [shown, ...others] = outcomesOf(context);
  const timeline = timelineOf(program, shown.context, iterations);
  if (others.length === 0) return { program, timeline };
  const expectedPeriodMs = others.reduce((ms, { share, context: other }) => ms + share * simulate(compilePlan(plan, other), other).periodMs, shown.share * timeline.periodMs);
  return { program, timeline: { ...timeline, expectedPeriodMs } };
}

/** A compiled plan and how it runs. */
interface Simulated {
  readonly program: Program;
  readonly simulation: Simulation;
}

/**
 * The figures that a plan file keeps: means over iterations with and without self-conditioning, and the most memory of any.
 * @param simulated The plan in `context`, where that is known already.
 */
export function predictedFigures(plan: Plan, context: Context, simulated?: Simulated): Predicted {
  const outcomes = outcomesOf(context).map(({ share, context: own }, i) => {
    // The first kind of iteration makes all extra passes, as `context` itself does.
    if (simulated && i === 0) return { ...simulated, share, own };
    const program = compilePlan(plan, own);
    return { share, own, program, simulation: simulate(program, own) };
  });
  const mean = (amount: (simulation: Simulation) => number) => outcomes.reduce((total, { share, simulation }) => total + share * amount(simulation), 0);
  const periodMs = mean((simulation) => simulation.periodMs);
  const [most] = outcomes;
  return {
    periodMs,
    makespanMs: mean((simulation) => simulation.makespanMs),
    bubbleRatio: periodMs > 0 ? mean((simulation) => simulation.bubbleRatio * simulation.periodMs) / periodMs : 0,
    waste: wasteOf(context, most.program.worldSize, plan.batch.global, periodMs),
    throughputPerSecond: periodMs > 0 ? (plan.batch.global / periodMs) * 1e3 : 0,
    peakMemoryBytes: memoryUse(most.program, most.own, most.simulation).map((use) => use.peakBytes),
  };
}
