/** Use-case: what is in a model folder. */
import { basename, dirname, resolve } from "node:path";
import type { Model, ModelComponent } from "../model/model";
import type { Bindings, Chain, Tensor } from "../model/profile";
import { readDiffusersModel } from "../parse/diffusers/read";
import type { RoleChoice } from "../parse/roles";
import type { Files } from "../platform/files";

/** @param folder A diffusers folder, or the `model_index.json` in it. @throws UserError naming file and field. */
export async function inspectModel(files: Files, folder: string, roles: RoleChoice = {}): Promise<Model> {
  const path = resolve(folder);
  return readDiffusersModel(files, basename(path) === "model_index.json" ? dirname(path) : path, roles);
}

/** What `inspect --json` prints. */
export interface InspectDocument {
  readonly model: { readonly path: string; readonly sha256: string; readonly class: string };
  readonly components: readonly ModelComponent[];
  readonly chains: readonly Chain[];
  readonly predictionType: Model["predictionType"];
  /** The shapes that `tensors` are given at. */
  readonly bindings: Bindings;
  readonly tensors: readonly Tensor[];
}

/** @param bindings What is left out is the model's default. @throws UserError when the bindings do not fit the model. */
export function inspectDocument(model: Model, bindings: Partial<Bindings> = {}): InspectDocument {
  const { height, width, sequenceLength } = model.defaultBindings;
  const bound = model.bind({ height: bindings.height ?? height, width: bindings.width ?? width, sequenceLength: bindings.sequenceLength ?? sequenceLength });
  return {
    model: { path: model.path, sha256: model.sha256, class: model.class },
    components: model.components,
    chains: model.chains,
    predictionType: model.predictionType,
    bindings: bound.bindings,
    tensors: bound.tensors,
  };
}
