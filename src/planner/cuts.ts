/** Cuts of all chains as one list: their layers laid end to end, where each stage begins, and the end. */
import type { Plan } from "../model/plan";

/** @param each `[chain]`: its own cuts, from 0 to its number of layers. */
export function joinedCuts(each: readonly (readonly number[])[]): readonly number[] {
  const all = [0];
  for (const cuts of each) {
    const first = all[all.length - 1];
    all.push(...cuts.slice(1).map((cut) => first + cut));
  }
  return all;
}

/** `[chain]`: which of the joined cuts is its first. @param stages `[chain]`: how many it has. */
export function firstCuts(stages: readonly number[]): readonly number[] {
  let at = 0;
  return stages.map((count) => {
    const first = at;
    at += count;
    return first;
  });
}

/** The plan cut elsewhere. @param cuts Joined ones. */
export function withCuts(plan: Plan, cuts: readonly number[]): Plan {
  const first = firstCuts(plan.chains.map(({ stages }) => stages.length));
  const layer = (c: number, stage: number) => cuts[first[c] + stage] - cuts[first[c]];
  return { ...plan, chains: plan.chains.map((chain, c) => ({ ...chain, stages: chain.stages.map((stage, s) => ({ ...stage, from: layer(c, s), to: layer(c, s + 1) })) })) };
}

/** As `withCuts` takes them. */
export function cutsOf(plan: Plan): readonly number[] {
  return joinedCuts(plan.chains.map(({ stages }) => [0, ...stages.map(({ to }) => to)]));
}
