/** A wired pipeline and the choice of what trains, as the model that everything else works with. */
import { countParameters } from "../graph/layer";
import type { Model, ModelComponent } from "../model/model";
import { bindPipeline } from "./bind";
import { chainOf, gradientTable } from "./gradients";
import { needsOf, type Pipeline } from "./pipeline";
import { chooseTrained, type RoleChoice } from "./roles";

/** @param sha256 Fingerprint of the files that the pipeline was read from. @throws UserError for a choice that cannot be. */
export function makeModel(path: string, sha256: string, pipeline: Pipeline, choice: RoleChoice): Model {
  const trained = chooseTrained(pipeline, choice);
  const gradients = gradientTable(pipeline, trained);
  const chain = chainOf(pipeline, gradients);
  const components = pipeline.components.map((component): ModelComponent => {
    const layers = component.description.layers.map((layer, index) => ({
      name: layer.name,
      kind: layer.kind,
      modules: layer.modules,
      parameters: countParameters(layer.body),
      needsInputGrad: gradients.get(component.name)?.[index].needsInputGrad ?? false,
      needsWeightGrad: gradients.get(component.name)?.[index].needsWeightGrad ?? false,
    }));
    return {
      name: component.name,
      class: component.description.class,
      role: trained.has(component.name) ? "trained" : "frozen",
      parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
      after: needsOf(pipeline, component),
      layers,
    };
  });
  return {
    path,
    sha256,
    class: pipeline.class,
    components,
    chains: [chain],
    defaultBindings: pipeline.defaultBindings,
    predictionType: pipeline.predictionType,
    bind: (bindings) => ({ model: { path, sha256 }, bindings, chains: [chain], ...bindPipeline(pipeline, components, gradients, chain, bindings) }),
  };
}
