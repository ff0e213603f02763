/** Which devices of a plan are replicas of one another. */
import type { Plan } from "../model/plan";
import { holdingsOf } from "./placement";

/** Devices that hold the same stages, ascending, by their first; a device whose stages no other one holds as a whole is in no group. */
export function replicaGroups(plan: Pick<Plan, "dataParallel" | "chains">): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const [device, held] of holdingsOf(plan).entries()) {
    if (!held.length) continue;
    const stages = [...new Set(held.map(({ chain, stage }) => `${chain}.${stage}`))].sort().join(" ");
    const group = groups.get(stages);
    if (group) group.push(device);
    else groups.set(stages, [device]);
  }
  return [...groups.values()].filter((devices) => devices.length > 1);
}
