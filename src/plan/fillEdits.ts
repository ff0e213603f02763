/** Edits of a plan's frozen work: where a piece of it runs, and in which pieces. */
import { UserError } from "../model/errors";
import type { Fill, FillAnchor, Plan } from "../model/plan";
import type { Workload } from "../model/workload";
import { fillNeeds } from "./fillOrder";

/** @throws UserError where the plan has no such fill. */
export function fillAt(plan: Plan, index: number): Fill {
  const fill = plan.fills[index];
  if (!fill) throw new UserError(`The plan has ${plan.fills.length} fills; there is no fill ${index}.`, { field: "fills" });
  return fill;
}

export function isSameAnchor(one: FillAnchor, other: FillAnchor): boolean {
  return one.op === other.op && (one.op === "OPTIM" || (one.chain === other.chain && one.stage === other.stage && one.microbatch === other.microbatch));
}

/**
 * Puts a fill before another operation, on this device or another. Among the fills that stand there already it comes last, but
 * before those that need it. It is pinned there, since somebody wanted it so.
 * @throws UserError where the plan has no such fill, or it is there already.
 */
export function moveFill(plan: Plan, index: number, device: number, before: FillAnchor, workload: Workload): Plan {
  const fill = fillAt(plan, index);
  if (fill.device === device && isSameAnchor(fill.before, before)) throw new UserError("The fill is there already.", { field: `fills[${index}].before` });
  const moved: Fill = { ...fill, device, before, pinned: true };
  const others = plan.fills.filter((_, f) => f !== index);
  const user = others.findIndex((other) => other.device === device && isSameAnchor(other.before, before) && fillNeeds(workload, other, moved));
  return { ...plan, fills: user < 0 ? [...others, moved] : [...others.slice(0, user), moved, ...others.slice(user)] };
}

/** Puts a fill behind the device's last backward pass. @throws UserError as `moveFill`. */
export function evictFill(plan: Plan, index: number, workload: Workload): Plan {
  return moveFill(plan, index, fillAt(plan, index).device, { op: "OPTIM" }, workload);
}

/** Cuts a fill in two, the second of which begins with sample `at` of the global batch. @throws UserError where a part would be empty. */
export function splitFill(plan: Plan, index: number, at: number): Plan {
  const fill = fillAt(plan, index);
  const [from, to] = fill.samples;
  if (!Number.isInteger(at) || at <= from || at >= to) {
    const range = to - from < 2 ? "It has one sample only." : `It can be split at samples ${from + 1} to ${to - 1}.`;
    throw new UserError(`The fill cannot be split at sample ${at}. ${range}`, { field: `fills[${index}].samples` });
  }
  const parts: readonly Fill[] = [{ ...fill, samples: [from, at] }, { ...fill, samples: [at, to] }];
  return { ...plan, fills: plan.fills.flatMap((other, f) => (f === index ? parts : [other])) };
}

/** Which fills can be made one with this: of the same component on the same device, with the samples or the layers that follow. */
export function mergeable(plan: Plan, index: number): readonly number[] {
  const fill = fillAt(plan, index);
  return plan.fills.flatMap((other, f) => (f !== index && other.device === fill.device && other.component === fill.component && together(fill, other) ? [f] : []));
}

/** Makes two fills one, at the place of the first. @throws UserError where they don't go together. */
export function mergeFill(plan: Plan, index: number, other: number): Plan {
  const fill = fillAt(plan, index);
  const added = fillAt(plan, other);
  const joined = index !== other && fill.device === added.device && fill.component === added.component ? together(fill, added) : undefined;
  if (!joined) throw new UserError("Only fills of one component on one device can be merged, with samples or layers that follow each other.", { field: `fills[${index}]` });
  return { ...plan, fills: plan.fills.flatMap((one, f) => (f === index ? [{ ...fill, ...joined }] : f === other ? [] : [one])) };
}

function together(one: Fill, other: Fill): Pick<Fill, "from" | "to" | "samples"> | undefined {
  const [first, second] = one.samples[0] < other.samples[0] || (one.samples[0] === other.samples[0] && one.from < other.from) ? [one, other] : [other, one];
  const isSameSamples = first.samples[0] === second.samples[0] && first.samples[1] === second.samples[1];
  if (isSameSamples && first.to === second.from) return { from: first.from, to: second.to, samples: first.samples };
  const isSameLayers = first.from === second.from && first.to === second.to;
  return isSameLayers && first.samples[1] === second.samples[0] ? { from: first.from, to: first.to, samples: [first.samples[0], second.samples[1]] } : undefined;
}

/** Holds a fill where it is when the planner fills again, or lets it go. @throws UserError where the plan has no such fill. */
export function pinFill(plan: Plan, index: number, pinned: boolean): Plan {
  const { pinned: _, ...free } = fillAt(plan, index);
  return { ...plan, fills: plan.fills.map((fill, f) => (f === index ? (pinned ? { ...free, pinned } : free) : fill)) };
}
