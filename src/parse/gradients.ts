/** The two flags that decide a layer's work, and the chains that follow from them. */
import { countParameters } from "../graph/layer";
import { gradientInputsOf, parametersOf } from "../graph/operators/registry";
import type { Chain } from "../model/profile";
import { trainsIn, type LayerDescription } from "./component";
import { layerTensor, tensorsOf, type Pipeline } from "./pipeline";

export interface LayerGradients {
  readonly needsInputGrad: boolean;
  readonly needsWeightGrad: boolean;
  readonly trainableParameters: number;
  /** Inputs of the layer's operator list that a gradient flows back through. */
  readonly inputs: ReadonlySet<string>;
  /** For each output, whether a gradient comes back to it. */
  readonly outputs: readonly boolean[];
}

/** Component -> one entry per layer. A value needs a gradient when something trained stands before it. */
export type GradientTable = ReadonlyMap<string, readonly LayerGradients[]>;

export function gradientTable(pipeline: Pipeline, trained: ReadonlySet<string>): GradientTable {
  const table = new Map<string, readonly LayerGradients[]>();
  const hasGradient = new Set<string>();
  for (const component of pipeline.components) {
    const layers = component.description.layers.map((layer) => {
      const inputs = new Set(layer.body.inputs.filter((value) => tensorsOf(pipeline, component, layer, value).some((tensor) => hasGradient.has(tensor))));
      const gradients = layerGradients(layer, trained.has(component.name), inputs);
      gradients.outputs.forEach((has, output) => {
        if (has) hasGradient.add(layerTensor(component.name, layer.name, output));
      });
      return gradients;
    });
    table.set(component.name, layers);
  }
  return table;
}

/** Follows gradients through the layer's operators: what only lends its shape carries none. */
function layerGradients(layer: LayerDescription, trains: boolean, inputs: ReadonlySet<string>): LayerGradients {
  const { operators, outputs } = layer.body;
  const live = new Set(inputs);
  let trainableParameters = 0;
  for (const operator of operators) {
    const learns = trains && trainsIn(layer, operator) && parametersOf(operator).length > 0;
    if (learns) trainableParameters += countParameters({ ...layer.body, operators: [operator] });
    if (learns || gradientInputsOf(operator).some((name) => live.has(name))) live.add(operator.output);
  }
  return { needsInputGrad: inputs.size > 0, needsWeightGrad: trainableParameters > 0, trainableParameters, inputs, outputs: outputs.map((name) => live.has(name)) };
}

export const isLeaf = ({ needsInputGrad, needsWeightGrad }: Pick<LayerGradients, "needsInputGrad" | "needsWeightGrad">) => !needsInputGrad && !needsWeightGrad;

/**
 * A chain for each loss that a gradient reaches, called after the component with the loss: of every component that leads to
 * it, the layers from the first that needs a gradient on. What stands before is frozen work.
 */
export function chainsOf(pipeline: Pipeline, table: GradientTable): readonly Chain[] {
  return pipeline.losses.flatMap(({ component: last }) => {
    const leading = leadingTo(pipeline, last);
    const segments = pipeline.components
      .filter(({ name }) => leading.has(name))
      .flatMap(({ name, description }) => {
        const from = table.get(name)?.findIndex((layer) => !isLeaf(layer)) ?? -1;
        return from < 0 ? [] : [{ component: name, from, to: description.layers.length }];
      });
    return segments.length > 0 ? [{ id: last, segments }] : [];
  });
}

/** The component and all that it needs, directly or not. */
function leadingTo(pipeline: Pipeline, last: string): ReadonlySet<string> {
  const found = new Set([last]);
  for (const component of [...pipeline.components].reverse()) {
    if (!found.has(component.name)) continue;
    for (const source of Object.values(component.inputs).flat()) if ("component" in source) found.add(source.component);
  }
  return found;
}
