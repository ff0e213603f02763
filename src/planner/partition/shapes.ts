/** What a plan's stages ask of the partition, chain by chain, and what its devices hold of them together. */
import type { Plan } from "../../model/plan";
import { holdingsOf, ordersOf } from "../../plan/placement";
import type { PassStep } from "../../schedule/generators/order";
import type { Context } from "../../simulate/context";
import { microbatchesHeld, stageCosts, usableBytes, type Shape } from "./stageCosts";

/** One shape per chain. Schedules whose devices hold several stages are asked for what each of them holds at once. */
export function shapesOf(plan: Plan, context: Context): readonly Shape[] {
  const each = Math.max(...holdingsOf(plan).map((held) => held.length));
  const isSimple = each === 1;
  const most = isSimple ? undefined : heldOnStages(plan, context);
  return plan.chains.map(({ stages }, chain): Shape => ({
    plan,
    chain,
    placement: stages.map(({ devices }) => devices),
    held: most?.[chain] ?? microbatchesHeld(plan.schedule, stages.length, plan.batch.microbatches),
    memoryShare: 1 / each,
  }));
}

/** `[chain][stage]`: the most micro-batches of one replica whose activations are held at once. */
function heldOnStages(plan: Plan, context: Context): readonly (readonly number[])[] {
  const most = plan.chains.map(({ stages }) => stages.map(() => 0));
  for (const steps of ordersOf(plan, context)) {
    const held = new Map<string, number>();
    const count = ({ op, chain, stage, replica }: PassStep) => {
      if (op === "I") return;
      const key = `${chain} ${stage} ${replica}`;
      const now = (held.get(key) ?? 0) + (op === "F" ? 1 : -1);
      held.set(key, now);
      most[chain][stage] = Math.max(most[chain][stage], now);
    };
    for (const step of steps) {
      if (step.op !== "OVERLAP_F_B") count(step);
      else [step.forward, step.backward].forEach(count);
    }
  }
  return most;
}

/** Bytes by which the fullest device misses its memory at some cuts (as `withCuts` takes them); 0 or less where all fit. */
export function excessOf(plan: Plan, shapes: readonly Shape[], context: Context): (cuts: readonly number[]) => number {
  const costs = shapes.map((shape) => stageCosts(shape, context));
  const first = shapes.map((_, chain) => shapes.slice(0, chain).reduce((count, { placement }) => count + placement.length, 0));
  const ranks = holdingsOf(plan).map((held, rank) => ({ held, usable: usableBytes(context, rank) }));
  return (cuts) => {
    const own = shapes.map(({ placement }, chain) => {
      const at = first[chain];
      return placement.map((_, s) => costs[chain].memoryBytes(s, cuts[at + s] - cuts[at], cuts[at + s + 1] - cuts[at]) - costs[chain].sharedBytes);
    });
    return ranks.reduce((most, { held, usable }) => Math.max(most, held.reduce((bytes, { chain, stage }) => bytes + own[chain][stage], costs[0].sharedBytes) - usable), -Infinity);
  };
}
