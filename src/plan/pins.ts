/** Decisions that a person wants kept when the planner goes on from a plan. Fills are pinned by a flag of their own. */
import type { Plan } from "../model/plan";

/** "stages": how many, and so how many replicas. */
export const pinNames = ["schedule", "stages", "microbatches"] as const;

export type PinName = (typeof pinNames)[number];

/** The pin of the boundary after a stage. */
export function boundaryPin(chain: string, stage: number): string {
  return `boundary:${chain}:${stage}`;
}

export function isPinned(plan: Pick<Plan, "pins">, pin: string): boolean {
  return plan.pins?.includes(pin) ?? false;
}

/** Names of none of the plan's decisions are left as they are: they may be somebody else's. */
export function withPin(plan: Plan, pin: string, pinned: boolean): Plan {
  const { pins = [], ...rest } = plan;
  const others = pins.filter((other) => other !== pin);
  const all = pinned ? [...others, pin] : others;
  return { ...rest, ...(all.length > 0 && { pins: all }) };
}
