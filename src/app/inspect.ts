/** Use-case: what is in a model folder. */
import { basename, dirname, resolve } from "node:path";
import type { InspectedLayer, Inspection } from "../model/inspection";
import type { BoundLayer, Model } from "../model/model";
import type { Bindings } from "../model/profile";
import { readDiffusersModel } from "../parse/diffusers/read";
import type { RoleChoice } from "../parse/roles";
import type { Files } from "../platform/files";

/** @param folder A diffusers folder, or the `model_index.json` in it. @throws UserError naming file and field. */
export async function inspectModel(files: Files, folder: string, roles: RoleChoice = {}): Promise<Model> {
  const path = resolve(folder);
  return readDiffusersModel(files, basename(path) === "model_index.json" ? dirname(path) : path, roles);
}

/** @param bindings What is left out is the model's default. @throws UserError when the bindings do not fit the model. */
export function inspectDocument(model: Model, bindings: Partial<Bindings> = {}): Inspection {
  const given = Object.fromEntries(Object.entries(bindings).filter(([, value]) => value !== undefined));
  const bound = model.bind({ ...model.defaultBindings, ...given });
  return {
    model: { path: model.path, sha256: model.sha256, class: model.class },
    components: bound.components.map((component) => ({ ...component, layers: component.layers.map(figuresOf) })),
    chains: bound.chains,
    predictionType: model.predictionType,
    bindings: bound.bindings,
    tensors: bound.tensors,
  };
}

function figuresOf({ graph: _graph, ...figures }: BoundLayer): InspectedLayer {
  return figures;
}
