/** What a plan's stages ask of the partition, chain by chain, and what its devices hold of them together. */
import type { Plan } from "../../model/plan";
import { holdingsOf, ordersOf } from "../../plan/placement";
import { passesOf, type DeviceOrders } from "../../schedule/generators/order";
import type { Context } from "../../simulate/context";
import { firstCuts } from "../cuts";
import { stageCosts, usableBytes, type Shape } from "./stageCosts";

/** The slot of a stage that has one place of a shape. */
export const slotOf = (stage: number) => ({ stage, first: stage, width: 1 });

/** One shape per chain. */
export function shapesOf(plan: Plan, context: Context): readonly Shape[] {
  const each = Math.max(...holdingsOf(plan).map((held) => held.length));
  const held = microbatchesHeld(ordersOf(plan, context), plan.chains.map(({ stages }) => stages.length));
  return plan.chains.map(({ stages }, chain): Shape => ({ plan, chain, placement: stages.map(({ devices }) => devices), widths: [1], held: held[chain], memoryShare: 1 / each }));
}

/** `[chain][stage]`: the most micro-batches of one replica whose activations a device holds at once. @param stages `[chain]`: how many it has. */
export function microbatchesHeld(orders: DeviceOrders, stages: readonly number[]): readonly (readonly number[])[] {
  const nothing = () => stages.map((count) => new Array<number>(count).fill(0));
  const most = nothing();
  for (const steps of orders) {
    const held = [nothing(), nothing()];
    for (const { op, chain, stage, replica } of steps.flatMap(passesOf)) {
      if (op === "I") continue;
      const now = (held[replica][chain][stage] += op === "F" ? 1 : -1);
      most[chain][stage] = Math.max(most[chain][stage], now);
    }
  }
  return most;
}

/** Bytes by which the fullest device misses its memory at some cuts (as `withCuts` takes them); 0 or less where all fit. */
export function excessOf(plan: Plan, shapes: readonly Shape[], context: Context): (cuts: readonly number[]) => number {
  const costs = shapes.map((shape) => stageCosts(shape, context));
  const first = firstCuts(shapes.map(({ placement }) => placement.length));
  const slots = shapes.map(({ placement }) => placement.map((_, stage) => slotOf(stage)));
  const ranks = holdingsOf(plan).map((held, rank) => ({ held, shared: costs[held[0].chain].sharedBytes(slots[held[0].chain][held[0].stage]), usable: usableBytes(context, rank) }));
  return (cuts) => {
    const own = shapes.map(({ placement }, chain) => {
      const at = first[chain];
      return placement.map((_, s) => costs[chain].memoryBytes(slots[chain][s], cuts[at + s] - cuts[at], cuts[at + s + 1] - cuts[at]) - costs[chain].sharedBytes(slots[chain][s]));
    });
    return ranks.reduce((most, { held, shared, usable }) => Math.max(most, held.reduce((bytes, { chain, stage }) => bytes + own[chain][stage], shared) - usable), -Infinity);
  };
}
