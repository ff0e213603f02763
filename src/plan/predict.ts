/** From a plan to what it will do: compile, simulate, sum up. Quick enough to follow a pointer. */
import type { Plan, Predicted } from "../model/plan";
import type { FileRef } from "../model/profile";
import type { Program } from "../model/program";
import type { Timeline } from "../model/timeline";
import { simulate } from "../simulate/engine";
import type { Context } from "../simulate/context";
import { memoryUse } from "../simulate/memory";
import { timelineOf } from "../simulate/timeline";
import { compilePlan } from "./compile";
import { validatePlan } from "./validate";

/**
 * The program of a plan and its predicted timeline (two settled iterations).
 * @throws UserError naming the field of a plan that does not fit its profile or cluster.
 */
export function predictPlan(plan: Plan, context: Context, planRef?: FileRef): { program: Program; timeline: Timeline } {
  validatePlan(plan, context.workload, context.devices.length);
  const program = compilePlan(plan, context, planRef);
  return { program, timeline: timelineOf(program, context) };
}

/** The figures that a plan file keeps. */
export function predictedFigures(plan: Plan, context: Context): Predicted {
  const program = compilePlan(plan, context);
  const simulation = simulate(program, context);
  return {
    periodMs: simulation.periodMs,
    makespanMs: simulation.makespanMs,
    bubbleRatio: simulation.bubbleRatio,
    throughputPerSecond: simulation.throughputPerSecond,
    peakMemoryBytes: memoryUse(program, context, simulation).map((use) => use.peakBytes),
  };
}
