/** Edits of a plan as a person makes them: pure, small, and leaving alone what they don't touch. */
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";

/**
 * Moves the boundary between stages `index` and `index + 1` to before chain layer `layer`. Fills stay: they stand before
 * operations, and each stage keeps its own.
 * @throws UserError where there is no such boundary, or a stage would lose its last layer.
 */
export function moveBoundary(plan: Plan, chainId: string, index: number, layer: number): Plan {
  const chain = plan.chains.find((candidate) => candidate.id === chainId);
  const above = chain?.stages[index];
  const below = chain?.stages[index + 1];
  if (!chain || !above || !below) throw new UserError(`Chain "${chainId}" has no boundary after stage ${index}.`, { field: "chains" });
  if (!Number.isInteger(layer) || layer <= above.from || layer >= below.to) {
    throw new UserError(`The boundary can lie at layers ${above.from + 1} to ${below.to - 1}, not at ${layer}.`, { field: `chains[${plan.chains.indexOf(chain)}].stages[${index}].to` });
  }
  const stages = chain.stages.map((stage, s) => (s === index ? { ...stage, to: layer } : s === index + 1 ? { ...stage, from: layer } : stage));
  return { ...plan, chains: plan.chains.map((candidate) => (candidate === chain ? { ...chain, stages } : candidate)) };
}
