/** Who trains: the default of the pipeline, changed by the user's choice. */
import { UserError } from "../model/errors";
import type { Pipeline } from "./pipeline";

export interface RoleChoice {
  readonly train?: readonly string[];
  readonly freeze?: readonly string[];
}

/** @returns Names of the trained components. @throws UserError for unknown names, contradictions, and when nothing is left to train. */
export function chooseTrained(pipeline: Pipeline, { train = [], freeze = [] }: RoleChoice): ReadonlySet<string> {
  const names = pipeline.components.map(({ name }) => name);
  for (const [option, chosen] of [["train", train], ["freeze", freeze]] as const) {
    const unknown = chosen.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new UserError(`The model has no component "${unknown}".`, { field: option, hint: `Components: ${names.join(", ")}.` });
  }
  const both = train.find((name) => freeze.includes(name));
  if (both !== undefined) throw new UserError(`"${both}" is to be both trained and frozen.`, { field: "train" });
  const unreachable = train.find((name) => !pipeline.trainable.includes(name));
  if (unreachable !== undefined) {
    throw new UserError(`"${unreachable}" cannot be trained with the diffusion loss.`, { field: "train", hint: `Components that can: ${pipeline.trainable.join(", ")}.` });
  }
  const trained = new Set([pipeline.trainable[0], ...train].filter((name) => !freeze.includes(name)));
  if (trained.size === 0) throw new UserError("Nothing is left to train.", { field: "freeze", hint: `Train one of ${pipeline.trainable.join(", ")}.` });
  return trained;
}
