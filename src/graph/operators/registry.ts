/** Every operator's family, and calls that find it by the operator's name. */
import type { Operator, OperatorName, OperatorOf, Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import { activation, gated } from "./activation";
import { attention, rotary } from "./attention";
import { averagePool, convolution, mean, upsampleNearest } from "./convolution";
import { add, divide, modulate, multiply, scale } from "./elementwise";
import { fourierEmbedding, learnedTensor, positionEmbedding, relativePositionBias, selectToken, timestepEmbedding, tokenEmbedding } from "./embedding";
import type { OperatorFamily, OperatorFlops, OperatorShapes, Parameter, SavedValues } from "./family";
import { concat, perSample, rearrange, slice } from "./layout";
import { linear } from "./linear";
import { groupNorm, layerNorm, rmsNorm } from "./normalization";

const families: { readonly [N in OperatorName]: OperatorFamily<OperatorOf<N>> } = {
  convolution, linear, groupNorm, layerNorm, rmsNorm, activation, gated, add, multiply, divide, modulate, scale, perSample, concat, slice, rearrange,
  attention, rotary, upsampleNearest, averagePool, mean, learnedTensor, timestepEmbedding, fourierEmbedding, tokenEmbedding, selectToken,
  relativePositionBias, positionEmbedding,
};

/** The compiler cannot see that an operator and the family of its name belong together; the table's type is what says so. */
function familyOf<O extends Operator>(operator: O): OperatorFamily<O> {
  return families[operator.op] as unknown as OperatorFamily<O>;
}

export const inputsOf = (operator: Operator): readonly string[] => familyOf(operator).inputs(operator);

/** Inputs that a gradient can flow back through. */
export function gradientInputsOf(operator: Operator): readonly string[] {
  const without = familyOf(operator).shapeOnly?.(operator) ?? [];
  return inputsOf(operator).filter((name) => !without.includes(name));
}

/** Names are below the layer's root, e.g. "conv1.weight". */
export function parametersOf(operator: Operator): readonly Parameter[] {
  return "module" in operator
    ? familyOf(operator).parameters(operator).map(({ name, shape }) => ({ name: name === "" ? operator.module : `${operator.module}.${name}`, shape }))
    : [];
}

export const outputShape = (operator: Operator, inputs: readonly Shape[]): Shape => familyOf(operator).outputShape(operator, inputs);
export const flopsOf = (operator: Operator, shapes: OperatorShapes): OperatorFlops => familyOf(operator).flops(operator, shapes);
export const savedBy = (operator: Operator, shapes: OperatorShapes): SavedValues => familyOf(operator).saved(operator, shapes);
export const lowerForward = (operator: Operator, shapes: OperatorShapes, graph: GraphBuilder): string => familyOf(operator).forward(operator, shapes, graph);
