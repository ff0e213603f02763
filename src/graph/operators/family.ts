/** What every operator family says about its operators; `registry.ts` holds one for each. */
import type { Operator, Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";

export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
}

/** Shapes an operator works on, in the order of `inputs`. */
export interface OperatorShapes {
  readonly inputs: readonly Shape[];
  readonly output: Shape;
}

/** Multiplications and additions both count; a transcendental function counts as one. */
export interface OperatorFlops {
  readonly forward: number;
  /** Per input: inputs that need no gradient cost nothing. */
  readonly inputGrad: readonly number[];
  readonly weightGrad: number;
}

/** What a training framework with fused attention keeps from the forward pass for the backward. */
export interface SavedValues {
  readonly forInputGrad: readonly string[];
  readonly forWeightGrad: readonly string[];
  /** Float32 elements that are no value of the layer: statistics and intermediates of fused operators. */
  readonly extraElements: number;
}

export interface OperatorFamily<O extends Operator> {
  /** Names of the values read. */
  inputs(operator: O): readonly string[];
  /** Of `inputs`, those that only lend their shape or carry no gradient (timesteps, ids, tables). */
  shapeOnly?(operator: O): readonly string[];
  /** Of the operator's module, in the order of the state dict. A name of "" is the module's path itself. */
  parameters(operator: O): readonly Parameter[];
  /** @throws ShapeError when the inputs do not fit the operator. */
  outputShape(operator: O, inputs: readonly Shape[]): Shape;
  flops(operator: O, shapes: OperatorShapes): OperatorFlops;
  saved(operator: O, shapes: OperatorShapes): SavedValues;
  /** Adds the forward computation to the graph. @returns The ONNX name of the output. */
  forward(operator: O, shapes: OperatorShapes, graph: GraphBuilder): string;
  /**
   * Adds the gradients of inputs, from `gradient`, the output's. Of the forward pass it may read what `saved` names, by
   * `graph.value`. Left out where no gradient goes through.
   * @param wanted For each input, whether its gradient is.
   * @returns For each input that is wanted the ONNX name of its gradient, which may be `gradient` itself.
   */
  inputGrad?(operator: O, shapes: OperatorShapes, graph: GraphBuilder, gradient: string, wanted: readonly boolean[]): readonly (string | undefined)[];
  /** Adds the gradients of the parameters. @returns Their ONNX names, in the order of `parameters`. */
  weightGrad?(operator: O, shapes: OperatorShapes, graph: GraphBuilder, gradient: string): readonly string[];
}

/** Operators of a list do not fit each other or their inputs: a defect of whoever wrote the list, not of the user's input. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

export function expectShape(condition: boolean, operator: Operator, inputs: readonly Shape[]): asserts condition {
  if (!condition) throw new ShapeError(`${operator.op} -> ${operator.output} does not fit ${inputs.map((shape) => `[${shape.join(", ")}]`).join(", ")}.`);
}

/** Of an operator without parameters. */
export const noParameters = (): readonly Parameter[] => [];
/** Of an operator whose gradients need nothing from the forward pass. */
export const nothingSaved = (): SavedValues => ({ forInputGrad: [], forWeightGrad: [], extraElements: 0 });
