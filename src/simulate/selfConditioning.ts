/**
 * Iterations with and without self-conditioning. A chain's probability decides per iteration, so that a plan's figures are those
 * of the mean over its iterations: (1 - p) T + p T', where T' has the extra pass of every micro-batch.
 */
import type { Chain } from "../model/profile";
import type { Context } from "./context";

/** Whether iterations of this chain ever make self-conditioning passes. */
export function conditions({ selfConditioning }: Chain): boolean {
  return (selfConditioning?.probability ?? 0) > 0;
}

/** A kind of iteration and its share of all. */
export interface Outcome {
  readonly share: number;
  /** In which each chain conditions on itself always or never. */
  readonly context: Context;
}

const known = new WeakMap<Context, readonly Outcome[]>();

/** All kinds of iterations; the first is the one with all extra passes, and the only one where nothing is left to chance. */
export function outcomesOf(context: Context): readonly Outcome[] {
  let outcomes = known.get(context);
  if (!outcomes) {
    outcomes = context.workload.chains.reduce<readonly Outcome[]>(
      (made, { chain }, c) => {
        const probability = chain.selfConditioning?.probability ?? 0;
        if (probability === 0 || probability === 1) return made;
        return [...made.map((outcome) => decided(outcome, c, 1, probability)), ...made.map((outcome) => decided(outcome, c, 0, 1 - probability))];
      },
      [{ share: 1, context }],
    );
    known.set(context, outcomes);
  }
  return outcomes;
}

function decided({ share, context }: Outcome, c: number, probability: 0 | 1, by: number): Outcome {
  const { workload } = context;
  const chains = workload.chains.map((work, at) => {
    const { selfConditioning } = work.chain;
    return at === c && selfConditioning ? { ...work, chain: { ...work.chain, selfConditioning: { ...selfConditioning, probability } } } : work;
  });
  return { share: share * by, context: { ...context, workload: { ...workload, chains } } };
}
