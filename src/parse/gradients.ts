/** The two flags that decide a layer's work, and the chain that follows from them. */
import { countParameters } from "../graph/layer";
import type { Chain } from "../model/profile";
import type { LayerDescription } from "./component";
import type { Pipeline, PipelineComponent } from "./pipeline";

export interface LayerGradients {
  readonly needsInputGrad: boolean;
  readonly needsWeightGrad: boolean;
  /** Inputs of the layer's operator list that a gradient flows back through. */
  readonly inputs: ReadonlySet<string>;
}

/** Component -> one entry per layer. A value needs a gradient when something trained stands before it. */
export type GradientTable = ReadonlyMap<string, readonly LayerGradients[]>;

export function gradientTable(pipeline: Pipeline, trained: ReadonlySet<string>): GradientTable {
  const table = new Map<string, readonly LayerGradients[]>();
  const hasGradient = new Set<string>();
  for (const component of pipeline.components) {
    const layers = component.description.layers.map((layer) => {
      const inputs = new Set(layer.body.inputs.filter((value) => tensorsOf(pipeline, component, layer, value).some((tensor) => hasGradient.has(tensor))));
      const gradients = { needsInputGrad: inputs.size > 0, needsWeightGrad: trained.has(component.name) && countParameters(layer.body) > 0, inputs };
      if (gradients.needsInputGrad || gradients.needsWeightGrad) hasGradient.add(`${component.name}/${layer.name}`);
      return gradients;
    });
    table.set(component.name, layers);
  }
  return table;
}

/** Ids of the tensors that an input of a layer's operator list is made of. */
export function tensorsOf(pipeline: Pipeline, component: PipelineComponent, layer: LayerDescription, value: string): readonly string[] {
  const source = layer.sources[value];
  if ("layer" in source) return [`${component.name}/${source.layer}`];
  return component.inputs[source.input].from.map((from) => sourceId(pipeline, from));
}

export function sourceId(pipeline: Pipeline, source: Pipeline["loss"]["needs"][number]): string {
  if ("data" in source) return `data/${source.data}`;
  const layers = pipeline.components.find(({ name }) => name === source.component)?.description.layers;
  const last = layers?.at(-1);
  if (!last) throw new Error(`The pipeline has no component "${source.component}".`);
  return `${source.component}/${last.name}`;
}

/** One chain, called after the component with the loss: every component that a gradient reaches, whole. */
export function chainOf(pipeline: Pipeline, table: GradientTable): Chain {
  const segments = pipeline.components
    .filter(({ name }) => table.get(name)?.some((layer) => layer.needsInputGrad || layer.needsWeightGrad))
    .map(({ name, description }) => ({ component: name, from: 0, to: description.layers.length }));
  return { id: pipeline.loss.component, segments };
}
