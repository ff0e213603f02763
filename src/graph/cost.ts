/** What a layer costs at concrete shapes: FLOPs of F, I and W, memory traffic, and what it keeps for its backward. Computed, not measured. */
import { elements, type Operator, type OperatorList, type Shape } from "../model/operator";
import type { OperatorCost, OperatorKind, PassCost } from "../model/operatorCost";
import { gradientFlow, type GradientOptions } from "./gradientFlow";
import { inferShapes } from "./layer";
import { isView } from "./operators/layout";
import { flopsOf, parametersOf, savedBy } from "./operators/registry";

const bytesPerElement = 4;

export interface LayerCost {
  readonly forwardFlops: number;
  readonly inputGradFlops: number;
  readonly weightGradFlops: number;
  /** Activations read and written by the forward pass if each operator, attention as one, goes through memory. */
  readonly trafficBytes: number;
  /** Kept from F until I, and from F until W. Disjoint: what both need is in the second. */
  readonly savedUntilInputGradBytes: number;
  readonly savedUntilWeightGradBytes: number;
  /** Those that compute or move anything, in order of execution; their FLOPs add up to the layer's. */
  readonly operators: readonly OperatorCost[];
}

const kinds: { readonly [N in Operator["op"]]?: OperatorKind } = { convolution: "convolution", linear: "product", attention: "attention" };

/** I is the work that leads to the inputs whose gradient is wanted; W is all the rest: see `OperatorFlow`. */
export function layerCost(list: OperatorList, inputs: ReadonlyMap<string, Shape>, gradients: GradientOptions): LayerCost {
  const shapes = inferShapes(list, inputs);
  const known = new Map(inputs);
  for (const [index, operator] of list.operators.entries()) known.set(operator.output, shapes[index].output);

  const flow = gradientFlow(list, gradients);
  const keptForI = new Set<string>();
  const keptForW = new Set<string>();
  const operators: OperatorCost[] = [];
  const total = { forward: 0, inputGrad: 0, weightGrad: 0, traffic: 0, extraI: 0, extraW: 0 };
  for (const [index, operator] of list.operators.entries()) {
    const flops = flopsOf(operator, shapes[index]);
    const saved = savedBy(operator, shapes[index]);
    const { learning, through: pass, wanted } = flow[index];
    const inputGrad = flops.inputGrad.reduce((sum, count, input) => sum + (wanted[input] ? count : 0), 0);

    total.forward += flops.forward;
    const isFree = operator.op === "rearrange" && isView(operator);
    const outputElements = elements(shapes[index].output);
    const moved = shapes[index].inputs.reduce((sum, shape) => sum + elements(shape), outputElements);
    if (!isFree) {
      total.traffic += moved;
      const fixedElements = parametersOf(operator).reduce((sum, { shape }) => sum + elements(shape), 0);
      const read = (values: readonly string[]) => values.reduce((sum, name) => sum + elements(known.get(name) ?? []), 0);
      const written = shapes[index].inputs.reduce((sum, shape, input) => sum + (wanted[input] ? elements(shape) : 0), outputElements);
      const through = { flops: inputGrad, elements: written + read(saved.forInputGrad) + saved.extraElements, fixedElements };
      const into = { flops: flops.weightGrad, elements: outputElements + read(saved.forWeightGrad), fixedElements };
      // The backward between a layer's own parameters counts as W, beside the gradients of the parameters themselves.
      const weightGrad = sumOf([...(pass === "W" ? [through] : []), ...(learning ? [into] : [])]);
      operators.push({
        kind: kinds[operator.op] ?? "memory", outputElements,
        // A look-up reads no more of its table than it returns.
        forward: { flops: flops.forward, elements: moved, fixedElements: operator.op === "tokenEmbedding" ? 0 : fixedElements },
        ...(pass === "I" && { inputGrad: through }), ...(weightGrad && { weightGrad }),
      });
    }
    if (pass === "I") {
      total.inputGrad += inputGrad;
      total.extraI += saved.extraElements;
      for (const name of saved.forInputGrad) keptForI.add(name);
    }
    if (pass === "W") {
      total.weightGrad += inputGrad;
      total.extraW += saved.extraElements;
      for (const name of saved.forInputGrad) keptForW.add(name);
    }
    if (learning) {
      total.weightGrad += flops.weightGrad;
      for (const name of saved.forWeightGrad) keptForW.add(name);
    }
  }
  const bytes = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + elements(known.get(name) ?? []) * bytesPerElement, 0);
  return {
    forwardFlops: total.forward,
    inputGradFlops: total.inputGrad,
    weightGradFlops: total.weightGrad,
    trafficBytes: total.traffic * bytesPerElement,
    savedUntilInputGradBytes: bytes([...keptForI].filter((name) => !keptForW.has(name))) + total.extraI * bytesPerElement,
    savedUntilWeightGradBytes: bytes(keptForW) + total.extraW * bytesPerElement,
    operators,
  };
}

function sumOf(parts: readonly PassCost[]): PassCost | undefined {
  const sum = (amount: (part: PassCost) => number) => parts.reduce((total, part) => total + amount(part), 0);
  return parts.length === 0 ? undefined : { flops: sum(({ flops }) => flops), elements: sum((part) => part.elements), fixedElements: sum((part) => part.fixedElements) };
}
