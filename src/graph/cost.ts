/** What a layer costs at concrete shapes: FLOPs of F, I and W, memory traffic, and what it keeps for its backward. Computed, not measured. */
import { elements, type Operator, type OperatorList, type Shape } from "../model/operator";
import type { OperatorCost, OperatorKind, PassCost } from "../model/operatorCost";
import { inferShapes } from "./layer";
import { isView } from "./operators/layout";
import { flopsOf, gradientInputsOf, inputsOf, parametersOf, savedBy } from "./operators/registry";

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

/**
 * @param learns Whether an operator's parameters get gradients.
 * @param gradientInputs Values among the inputs whose gradient is wanted. I is the work that leads to them; W is all the rest,
 * and so holds the backward between a layer's own parameters where no input wants a gradient.
 */
export function layerCost(list: OperatorList, inputs: ReadonlyMap<string, Shape>, learns: (operator: Operator) => boolean, gradientInputs: ReadonlySet<string>): LayerCost {
  const shapes = inferShapes(list, inputs);
  const known = new Map(inputs);
  for (const [index, operator] of list.operators.entries()) known.set(operator.output, shapes[index].output);

  /** Values that a gradient of an input, or of a parameter, flows through. */
  const fromInputs = new Set(gradientInputs);
  const fromParameters = new Set<string>();
  const keptForI = new Set<string>();
  const keptForW = new Set<string>();
  const operators: OperatorCost[] = [];
  const total = { forward: 0, inputGrad: 0, weightGrad: 0, traffic: 0, extraI: 0, extraW: 0 };
  for (const [index, operator] of list.operators.entries()) {
    const names = inputsOf(operator);
    const flops = flopsOf(operator, shapes[index]);
    const saved = savedBy(operator, shapes[index]);
    const carries = gradientInputsOf(operator);
    const learning = learns(operator) && parametersOf(operator).length > 0;
    const inI = carries.some((name) => fromInputs.has(name));
    const inW = !inI && carries.some((name) => fromParameters.has(name));
    const isWanted = (name: string) => carries.includes(name) && (fromInputs.has(name) || fromParameters.has(name));
    const inputGrad = names.reduce((sum, name, input) => sum + (isWanted(name) ? flops.inputGrad[input] : 0), 0);

    total.forward += flops.forward;
    const isFree = operator.op === "rearrange" && isView(operator);
    const outputElements = elements(shapes[index].output);
    const moved = shapes[index].inputs.reduce((sum, shape) => sum + elements(shape), outputElements);
    if (!isFree) {
      total.traffic += moved;
      const fixedElements = parametersOf(operator).reduce((sum, { shape }) => sum + elements(shape), 0);
      const read = (values: readonly string[]) => values.reduce((sum, name) => sum + elements(known.get(name) ?? []), 0);
      const gradients = names.reduce((sum, name, input) => sum + (isWanted(name) ? elements(shapes[index].inputs[input]) : 0), outputElements);
      const through = { flops: inputGrad, elements: gradients + read(saved.forInputGrad) + saved.extraElements, fixedElements };
      const into = { flops: flops.weightGrad, elements: outputElements + read(saved.forWeightGrad), fixedElements };
      // The backward between a layer's own parameters counts as W, beside the gradients of the parameters themselves.
      const weightGrad = sumOf([...(inW ? [through] : []), ...(learning ? [into] : [])]);
      operators.push({
        kind: kinds[operator.op] ?? "memory", outputElements,
        // A look-up reads no more of its table than it returns.
        forward: { flops: flops.forward, elements: moved, fixedElements: operator.op === "tokenEmbedding" ? 0 : fixedElements },
        ...(inI && { inputGrad: through }), ...(weightGrad && { weightGrad }),
      });
    }
    if (inI) {
      total.inputGrad += inputGrad;
      total.extraI += saved.extraElements;
      for (const name of saved.forInputGrad) keptForI.add(name);
      fromInputs.add(operator.output);
    }
    if (inW) {
      total.weightGrad += inputGrad;
      total.extraW += saved.extraElements;
      for (const name of saved.forInputGrad) keptForW.add(name);
    }
    if (learning) {
      total.weightGrad += flops.weightGrad;
      for (const name of saved.forWeightGrad) keptForW.add(name);
    }
    if (learning || inW) fromParameters.add(operator.output);
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
