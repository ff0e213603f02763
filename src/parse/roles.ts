/** Who trains: the default of the pipeline, changed by the user's choice. */
import type { ModelChoice, RoleChoice } from "../model/choice";
import { UserError } from "../model/errors";
import type { Pipeline } from "./pipeline";

/** @param file For messages, where the choice is about one. @throws UserError for names that are none of `names`, and for contradictions. */
export function checkRoles(names: readonly string[], { train = [], freeze = [] }: RoleChoice, file?: string): void {
  for (const [field, chosen] of [["train", train], ["freeze", freeze]] as const) {
    const unknown = chosen.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new UserError(`The model has no component "${unknown.slice(0, 100)}".`, { file, field, hint: `Components: ${names.join(", ")}.` });
  }
  const both = train.find((name) => freeze.includes(name));
  if (both !== undefined) throw new UserError(`"${both}" is to be both trained and frozen.`, { file, field: "train" });
}

/** @returns Names of the trained components. @throws UserError for unknown names, contradictions, and when nothing is left to train. */
export function chooseTrained(pipeline: Pipeline, { train = [], freeze = [], lora = {} }: ModelChoice): ReadonlySet<string> {
  checkRoles(pipeline.components.map(({ name }) => name), { train, freeze });
  const adapted = Object.keys(lora);
  const unreachable = [...train, ...adapted].find((name) => !pipeline.trainable.includes(name));
  if (unreachable !== undefined) {
    throw new UserError(`"${unreachable}" cannot be trained with the diffusion loss.`, { field: "train", hint: pipeline.trainable.length > 0 ? `Components that can: ${pipeline.trainable.join(", ")}.` : "Nothing here is trained by it: there is no backbone." });
  }
  // Adapters are trained instead of the components that usually train whole.
  const usual = adapted.length > 0 ? [] : pipeline.trained;
  const trained = new Set([...usual, ...adapted, ...train].filter((name) => !freeze.includes(name)));
  if (trained.size === 0 && pipeline.losses.length > 0) throw new UserError("Nothing is left to train.", { field: "freeze", hint: `Train one of ${pipeline.trainable.join(", ")}.` });
  return trained;
}
