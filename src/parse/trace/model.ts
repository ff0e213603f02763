/** A traced module by itself as a model: one component, trained unless it is chosen to be frozen, whose input comes with the data. */
import type { RoleChoice } from "../../model/choice";
import type { Model } from "../../model/model";
import type { FileRef } from "../../model/profile";
import { alone } from "../alone";
import { makeModel } from "../model";
import type { TracedComponent } from "./component";
import { tracedPart } from "./part";

/**
 * @param name What the component is called.
 * @param source The configuration that it was built from: an absolute path and its fingerprint.
 * @throws UserError for a choice that names another component, or that both trains and freezes this one.
 */
export function tracedModel(traced: TracedComponent, name: string, source: FileRef, choice: RoleChoice = {}): Model {
  const trained = (choice.freeze ?? []).length === 0;
  return makeModel(source.path, source.sha256, alone(name, tracedPart(traced), trained), choice);
}
