/** What two plans decide differently and what that costs, in sentences. Pure. */
import type { PeriodParts } from "../planner/explain/explain";
import type { PlanDifference } from "../planner/explain/difference";
import type { AnswerTo } from "../protocol/judging";
import { formatChange, formatMs } from "../timeline/layout/format";

/** A part whose difference is below this share of the period is not worth a sentence. */
const worthMentioning = 0.002;

const subjects: Readonly<Record<keyof PeriodParts, string>> = {
  work: "Its fullest device computes",
  pipeline: "It waits for other stages",
  messages: "It waits for messages",
  synchronisation: "It waits for sums of gradients",
};

/** @param other What begins a sentence about the other plan: "The saved plan", "b.pipeplan.json". */
export function differenceWords({ periodMs, parts, decisions }: PlanDifference, other: string): Pick<AnswerTo<"compare">, "lead" | "decisions" | "causes"> {
  const least = worthMentioning * Math.max(periodMs.here, periodMs.there);
  const causes = parts
    .filter(({ here, there }) => Math.abs(there - here) >= least)
    .toSorted((a, b) => Math.abs(b.there - b.here) - Math.abs(a.there - a.here))
    .map(({ name: part, here, there }) => `${subjects[part]} ${moreOrLess(there - here)}: ${formatMs(there)} against ${formatMs(here)}.`);
  const lead =
    Math.abs(periodMs.there - periodMs.here) < least
      ? `${other} takes as long as this plan: ${formatMs(periodMs.there)}.`
      : `${other} takes ${moreOrLess(periodMs.there - periodMs.here)} than this plan: ${formatMs(periodMs.there)} against ${formatMs(periodMs.here)} (${formatChange(periodMs.there / periodMs.here - 1)}).`;
  return { lead, decisions, causes };
}

function moreOrLess(ms: number): string {
  return `${formatMs(Math.abs(ms))} ${ms < 0 ? "less" : "more"}`;
}
