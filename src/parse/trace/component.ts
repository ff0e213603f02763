/** A traced module as a component: what `bindPipeline` makes of a described one, at the sizes that were traced. */
import { UserError } from "../../model/errors";
import type { BoundLayer, ModelLayer } from "../../model/model";
import type { Bindings, Tensor } from "../../model/profile";
import type { OnnxGraph } from "../../model/onnx";
import { dataTensor, layerTensor } from "../pipeline";
import type { TracedGraphs } from "./graphs";
import type { Gradients, TraceDocument, TracedLayer, TracedTensor } from "./document";

/** Who gets gradients: the component's parameters, and what comes into it. */
export interface Learning {
  readonly trained: boolean;
  readonly inputs: boolean;
}

export interface TracedInput {
  /** The argument of the forward pass, e.g. "sample"; of a tensor inside one "added_cond_kwargs.time_ids". */
  readonly name: string;
  readonly bytesPerSample: number;
  readonly bytesFixed?: number;
  /** Names of the layers that read it. */
  readonly consumers: readonly string[];
}

export interface PlacedComponent {
  readonly layers: readonly ModelLayer[];
  /** In the order of `layers`; what crosses a cut depends on the whole model and is left to whoever has it. */
  readonly bound: readonly Omit<BoundLayer, "cutBytesPerSample">[];
  /** Outputs of the layers, with their consumers inside the component. `transport` is "chain": nothing outside is known here. */
  readonly tensors: readonly Tensor[];
}

export interface TracedComponent {
  readonly class: string;
  readonly parameters: number;
  readonly inputs: readonly TracedInput[];
  /** Tensor ids of what the module returns, below the component's name, the first output first. */
  outputs(name: string): readonly string[];
  /** The sizes that it was traced at, in the module's own units: those of its image and its sequence. */
  readonly sizes: Bindings;
  /** @throws UserError where the sizes are not those traced: a trace holds for one size, others are traced anew. */
  checkSizes(sizes: Bindings): void;
  place(name: string, learning: Learning): PlacedComponent;
}

/** @param graphs What onnxruntime can run of the layers; the others are estimated. */
export function tracedComponent(document: TraceDocument, graphs: TracedGraphs = new Map()): TracedComponent {
  const { layers, tensors } = document;
  const nameOf = (index: number) => layers[index].name;
  const ids = outputNumbers(tensors);
  const idOf = (component: string, tensor: TracedTensor) => ("layer" in tensor.producer ? layerTensor(component, nameOf(tensor.producer.layer), ids.get(tensor)) : dataTensor(tensor.producer.input));
  return {
    class: document.class,
    parameters: document.parameters,
    sizes: document.sizes,
    inputs: tensors.flatMap((tensor) => ("input" in tensor.producer ? [{ name: tensor.producer.input, ...bytesOf(tensor), consumers: tensor.consumers.map(nameOf) }] : [])),
    outputs: (name) => tensors.filter((tensor) => tensor.output).map((tensor) => idOf(name, tensor)),
    checkSizes(sizes) {
      for (const field of ["height", "width", "sequenceLength", "frames"] as const) {
        const [asked, traced] = [sizes[field] ?? 1, document.sizes[field] ?? 1];
        if (asked !== traced) throw new UserError(`The module was traced with ${traced}, not with ${asked}.`, { file: document.class, field, hint: "Figures of a trace hold for its sizes only; trace it again with these." });
      }
    },
    place(name, learning) {
      const flags = gradientFlags(document, learning);
      const placed = layers.map((layer, index): ModelLayer => ({
        name: layer.name,
        kind: layer.class,
        modules: layer.modules,
        parameters: layer.parameters,
        ...(flags.layers[index].needsWeightGrad && layer.trainableParameters < layer.parameters && { trainableParameters: layer.trainableParameters }),
        ...flags.layers[index],
      }));
      return {
        layers: placed,
        bound: layers.map((layer, index) => ({ ...placed[index], ...figures(layer, gradientsOf(layer, learning), placed[index]), graph: (batch: number) => graphOf(document.class, layer, graphs, batch) })),
        tensors: tensors.flatMap((tensor): Tensor[] => {
          if (!("layer" in tensor.producer)) return [];
          return [{
            id: idOf(name, tensor),
            producer: { component: name, layer: nameOf(tensor.producer.layer) },
            consumers: tensor.consumers.map((consumer) => ({ component: name, layer: nameOf(consumer) })),
            ...bytesOf(tensor),
            hasGradient: flags.tensors.get(tensor) ?? false,
            transport: "chain",
          }];
        }),
      };
    },
  };
}

function bytesOf({ bytes }: TracedTensor): { readonly bytesPerSample: number; readonly bytesFixed?: number } {
  return { bytesPerSample: bytes.perSample, ...(bytes.fixed > 0 && { bytesFixed: bytes.fixed }) };
}

/** Of a layer's tensors, what the module returns comes first, then by the order in which they are made: the first goes by the layer's name. */
function outputNumbers(tensors: readonly TracedTensor[]): ReadonlyMap<TracedTensor, number> {
  const next = new Map<number, number>();
  const numbers = new Map<TracedTensor, number>();
  for (const tensor of [...tensors.filter(({ output }) => output), ...tensors.filter(({ output }) => !output)]) {
    if (!("layer" in tensor.producer)) continue;
    const number = next.get(tensor.producer.layer) ?? 0;
    numbers.set(tensor, number);
    next.set(tensor.producer.layer, number + 1);
  }
  return numbers;
}

/** A layer needs an input's gradient where something that learns stands before it and a gradient can flow back through what it reads. */
function gradientFlags({ layers, tensors }: TraceDocument, learning: Learning) {
  const read = layers.map((): TracedTensor[] => []);
  const made = layers.map((): TracedTensor[] => []);
  const hasGradient = new Map<TracedTensor, boolean>();
  for (const tensor of tensors) {
    if ("layer" in tensor.producer) made[tensor.producer.layer].push(tensor);
    else hasGradient.set(tensor, learning.inputs && tensor.differentiable);
    for (const consumer of tensor.consumers) read[consumer].push(tensor);
  }
  const flags = layers.map((layer, index) => {
    const needsInputGrad = read[index].some((tensor) => tensor.differentiable && hasGradient.get(tensor));
    const needsWeightGrad = learning.trained && layer.learns;
    for (const tensor of made[index]) hasGradient.set(tensor, tensor.differentiable && (needsInputGrad || needsWeightGrad));
    return { needsInputGrad, needsWeightGrad };
  });
  return { layers: flags, tensors: hasGradient };
}

function gradientsOf(layer: TracedLayer, { trained, inputs }: Learning): Gradients | undefined {
  if (trained) return inputs ? layer.backward.trainedThroughout : layer.backward.trained;
  return inputs ? layer.backward.passedThrough : undefined;
}

/** At one sample: what a layer does once for all samples counts whole. */
function figures(layer: TracedLayer, gradients: Gradients | undefined, { needsInputGrad, needsWeightGrad }: ModelLayer) {
  const atOne = (part: { readonly perSample: number; readonly fixed: number } | undefined) => (part === undefined ? 0 : part.perSample + part.fixed);
  const learns = needsInputGrad || needsWeightGrad;
  return {
    signature: layer.signature,
    flopsPerSample: atOne(layer.forwardFlops),
    inputGradFlopsPerSample: needsInputGrad ? atOne(gradients?.inputGradFlops) : 0,
    weightGradFlopsPerSample: needsWeightGrad ? atOne(gradients?.weightGradFlops) : 0,
    trafficBytesPerSample: atOne(layer.trafficBytes),
    savedBytesPerSample: {
      untilInputGrad: learns ? atOne(gradients?.savedUntilInputGradBytes) : 0,
      untilWeightGrad: learns ? atOne(gradients?.savedUntilWeightGradBytes) : 0,
    },
  };
}

/** @throws UserError where the layer could not be exported, and for batch sizes that its graph does not take. */
function graphOf(source: string, { name, signature }: TracedLayer, graphs: TracedGraphs, batch: number): OnnxGraph {
  const graph = graphs.get(signature);
  if (typeof graph === "function") return graph(batch);
  const why = graph === undefined ? "" : ` ${graph}`;
  throw new UserError(`Layer "${name}" was traced and has no ONNX graph, so onnxruntime cannot time it.${why}`, { file: source, hint: "Its times are estimates from its FLOPs." });
}
