/** Fills that leave pinned ones where they are. */
import { UserError } from "../../model/errors";
import type { Fill, Plan } from "../../model/plan";
import { compilePlan } from "../../plan/compile";
import { fillBeforeItsInput, fillNeeds, fillOf } from "../../plan/fillOrder";
import { iterationLists } from "../../plan/rankLists";
import type { Context } from "../../simulate/context";
import { simulate } from "../../simulate/engine";
import { memoryUse } from "../../simulate/memory";
import { afterPasses, fillPlan, withoutFilling, type Filled } from "../fill/fill";
import { fitsIn } from "../fill/room";

/**
 * Fills `plan` anew, whose own fills don't count. With `pinned` ones the best free filling and that of one block after the passes
 * give way to them, and the faster of the two is taken, among those that fit.
 * @throws UserError where pinned fills cannot all stay: what they stand before is gone, or they wait for each other.
 */
export function fillAround(plan: Plan, pinned: readonly Fill[], context: Context): Filled {
  const free = fillPlan(plan, context, true);
  if (pinned.length === 0) return free;
  const iteration = pinned[0].iteration ?? 1;
  const ways = iteration === 0 ? [withoutFilling(plan, context)] : [free, afterPasses(plan, context)].filter(({ plan: { fills } }) => fills.every((fill) => (fill.iteration ?? 1) === 1));
  const made = ways
    .flatMap(({ plan: { fills } }) => {
      const arranged = soundlyArranged(plan, pinned, without(fills, pinned), context);
      return arranged ? simulated({ ...plan, fills: arranged }, context) : [];
    })
    .sort((a, b) => a.simulation.periodMs - b.simulation.periodMs);
  const best = made.find(({ program, simulation }) => fitsIn(context, memoryUse(program, context, simulation))) ?? made[0];
  if (!best) throw new UserError("The pinned fills cannot all stay where they are: they would wait for each other.", { field: "fills", hint: "Unpin one of them and fill again." });
  return best;
}

/** None where fills on several devices would wait for each other. */
function simulated(plan: Plan, context: Context): readonly Filled[] {
  try {
    const program = compilePlan(plan, context);
    return [{ plan, program, simulation: simulate(program, context) }];
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** What is left of fills once the work of `taken` is taken out of them, in their order. */
export function without(fills: readonly Fill[], taken: readonly Fill[]): readonly Fill[] {
  return taken.reduce((left, one) => left.flatMap((fill) => remainder(fill, one)), fills);
}

function remainder(fill: Fill, taken: Fill): readonly Fill[] {
  const from = Math.max(fill.from, taken.from);
  const to = Math.min(fill.to, taken.to);
  const [first, end] = [Math.max(fill.samples[0], taken.samples[0]), Math.min(fill.samples[1], taken.samples[1])];
  if (fill.component !== taken.component || from >= to || first >= end) return [fill];
  const pieces: readonly Fill[] = [
    { ...fill, samples: [fill.samples[0], first] },
    { ...fill, to: from, samples: [first, end] },
    { ...fill, from: to, samples: [first, end] },
    { ...fill, samples: [end, fill.samples[1]] },
  ];
  return pieces.filter((piece) => piece.from < piece.to && piece.samples[0] < piece.samples[1]);
}

/**
 * The fills on each device in an order in which none stands before what it needs: what pinned ones need goes right before them,
 * and what would come too early goes behind the passes. Undefined where two pinned ones stand the wrong way round.
 */
function soundlyArranged(plan: Plan, pinned: readonly Fill[], rest: readonly Fill[], context: Context): readonly Fill[] | undefined {
  const held = new Set(pinned);
  let fills: readonly Fill[] = [...pinned, ...rest];
  for (let tries = 2 * fills.length; tries >= 0; tries--) {
    const early = firstEarly({ ...plan, fills }, context);
    if (!early) return fills;
    const others = fills.filter((fill) => fill !== early);
    if (!held.has(early)) {
      fills = [...others, { ...early, before: { op: "OPTIM" } }];
      continue;
    }
    // What it needs from its own device comes to it; each such fill then is as good as pinned.
    const makers = others.filter((fill) => !held.has(fill) && fill.device === early.device && fillNeeds(context.workload, early, fill));
    if (makers.length === 0) return undefined;
    const moved = makers.map((fill): Fill => ({ ...fill, before: early.before }));
    moved.forEach((fill) => held.add(fill));
    fills = fills.flatMap((fill) => (fill === early ? [...moved, early] : makers.includes(fill) ? [] : [fill]));
  }
  return undefined;
}

function firstEarly(plan: Plan, context: Context): Fill | undefined {
  for (const [rank, list] of iterationLists(plan, context).entries()) {
    const early = fillBeforeItsInput(list, context.workload);
    if (early) return plan.fills[fillOf(plan.fills, rank, early)];
  }
  return undefined;
}
