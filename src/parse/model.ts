/** A wired pipeline and the choice of what trains, as the model that everything else works with. */
import type { ModelChoice } from "../model/choice";
import { UserError } from "../model/errors";
import type { Model, ModelComponent } from "../model/model";
import type { Bindings, Chain, Tensor } from "../model/profile";
import { bindPipeline } from "./bind";
import { chainsOf, placeAll } from "./chains";
import { withAdapters } from "./lora";
import { needsOf, type Pipeline } from "./pipeline";
import { chooseTrained } from "./roles";

/** @param sha256 Fingerprint of the files that the pipeline was read from. @throws UserError for a choice that cannot be. */
export function makeModel(path: string, sha256: string, plain: Pipeline, choice: ModelChoice): Model {
  const pipeline = withAdapters(plain, choice.lora ?? {});
  const trained = chooseTrained(pipeline, choice);
  const placed = placeAll(pipeline, trained);
  const chains = chainsOf(pipeline, placed);
  if (chains.length === 0 && pipeline.losses.length > 0) throw new UserError("Nothing that trains leads to the loss.", { field: "train" });
  const components = pipeline.components.map((component): ModelComponent => {
    const layers = placed.get(component.name)?.layers ?? [];
    return {
      name: component.name,
      class: component.part.class,
      role: trained.has(component.name) ? "trained" : "frozen",
      parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
      after: needsOf(pipeline, component),
      layers,
    };
  });
  const bind = (bindings: Bindings) => {
    const bound = bindPipeline(pipeline, components, placed, chains, bindings);
    return { model: { path, sha256 }, bindings, chains: selfConditioned(chains, choice, bound.tensors), ...bound };
  };
  return {
    path,
    sha256,
    class: pipeline.class,
    components,
    chains: choice.selfConditioning === undefined ? chains : bind(pipeline.defaultBindings).chains,
    defaultBindings: pipeline.defaultBindings,
    predictionType: pipeline.predictionType,
    bind,
  };
}

/** Each chain's own output of the pass before comes back as an input of the first layer. */
function selfConditioned(chains: readonly Chain[], { selfConditioning }: ModelChoice, tensors: readonly Tensor[]): readonly Chain[] {
  if (selfConditioning === undefined) return chains;
  return chains.map((chain) => {
    const last = chain.segments[chain.segments.length - 1];
    const outputs = tensors.filter(({ producer }) => producer.component === last.component);
    return { ...chain, selfConditioning: { probability: selfConditioning, feedbackBytesPerSample: outputs[outputs.length - 1].bytesPerSample } };
  });
}
