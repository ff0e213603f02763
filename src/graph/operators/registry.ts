/** Every operator's family, and calls that find it by the operator's name. */
import type { Operator, OperatorName, OperatorOf, Shape } from "../../model/operator";
import { UserError } from "../../model/errors";
import type { GraphBuilder } from "../builder";
import { activation, gated } from "./activation";
import { attention } from "./attention";
import { averagePool, convolution, mean, upsampleNearest } from "./convolution";
import { add, divide, modulate, multiply, scale } from "./elementwise";
import { fourierEmbedding, learnedTensor, positionEmbedding, relativePositionBias, selectToken, timestepEmbedding, tokenEmbedding } from "./embedding";
import type { OperatorFamily, OperatorFlops, OperatorShapes, Parameter, SavedValues } from "./family";
import { concat, perSample, rearrange, slice } from "./layout";
import { linear } from "./linear";
import { groupNorm, layerNorm, rmsNorm } from "./normalization";
import { rotary } from "./rotary";

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

/** The gradients of the inputs that are wanted, in the order of `inputsOf`; see `OperatorFamily.inputGrad`. @throws UserError naming the operator where it has none. */
export function lowerInputGrad(operator: Operator, shapes: OperatorShapes, graph: GraphBuilder, gradient: string, wanted: readonly boolean[]): readonly (string | undefined)[] {
  const family = familyOf(operator);
  if (!family.inputGrad) throw noGradient(operator, "inputs");
  return family.inputGrad(operator, shapes, graph, gradient, wanted);
}

/** The gradients of the parameters, in the order of `parametersOf`. @throws UserError naming the operator where it has none. */
export function lowerWeightGrad(operator: Operator, shapes: OperatorShapes, graph: GraphBuilder, gradient: string): readonly string[] {
  const family = familyOf(operator);
  if (!family.weightGrad) throw noGradient(operator, "parameters");
  return family.weightGrad(operator, shapes, graph, gradient);
}

const noGradient = ({ op, output }: Operator, of: string) => new UserError(`The operator "${op}" that makes "${output}" has no gradient of its ${of}.`);
