/** What follows from a layer's operator list: its parameters, its shapes and its forward graph. */
import type { LoweringOptions, OnnxGraph, OnnxValue } from "../model/onnx";
import { elements, type OperatorList, type Shape } from "../model/operator";
import { GraphBuilder } from "./builder";
import type { OperatorShapes, Parameter } from "./operators/family";
import { inputsOf, lowerForward, outputShape, parametersOf } from "./operators/registry";

/** In order of execution; names are below the layer's root. */
export function layerParameters(list: OperatorList): readonly Parameter[] {
  return list.operators.flatMap(parametersOf);
}

/** As inputs of a graph. @param root Prefix of their names. */
export function graphParameters(root: string, list: OperatorList): readonly OnnxValue[] {
  return layerParameters(list).map(({ name, shape }) => ({ name: `${root}${name}`, type: "float32", shape }));
}

export function countParameters(list: OperatorList): number {
  return layerParameters(list).reduce((sum, { shape }) => sum + elements(shape), 0);
}

/** @returns The shapes of every operator, in list order. @throws ShapeError when the list does not fit its inputs. */
export function inferShapes(list: OperatorList, inputs: ReadonlyMap<string, Shape>): readonly OperatorShapes[] {
  const known = new Map(inputs);
  return list.operators.map((operator) => {
    const from = inputsOf(operator).map((name) => shapeOf(known, name));
    const output = outputShape(operator, from);
    known.set(operator.output, output);
    return { inputs: from, output };
  });
}

function shapeOf(known: ReadonlyMap<string, Shape>, name: string): Shape {
  const shape = known.get(name);
  if (!shape) throw new Error(`No operator before makes the value "${name}".`);
  return shape;
}

/** The shapes of the list's outputs, in order. @throws ShapeError when the list does not fit its inputs. */
export function layerOutputShapes(list: OperatorList, inputs: readonly OnnxValue[]): readonly Shape[] {
  const shapes = inferShapes(list, shapesByName(inputs));
  return list.outputs.map((name) => shapes[list.operators.findIndex(({ output }) => output === name)].output);
}

export function shapesByName(values: readonly OnnxValue[]): ReadonlyMap<string, Shape> {
  return new Map(values.map(({ name, shape }) => [name, shape]));
}

/**
 * The forward graph at concrete shapes, float32.
 * @param root Prefix of the parameters' names.
 */
export function lowerLayer(name: string, root: string, list: OperatorList, inputs: readonly OnnxValue[], options: LoweringOptions = {}): OnnxGraph {
  const shapes = inferShapes(list, shapesByName(inputs));
  const builder = new GraphBuilder(root, "", options);
  for (const [index, operator] of list.operators.entries()) builder.bind(operator.output, lowerForward(operator, shapes[index], builder));
  return {
    name,
    inputs,
    parameters: graphParameters(root, list),
    constants: builder.constants,
    nodes: builder.nodes,
    outputs: layerOutputShapes(list, inputs).map((shape, index) => ({ name: builder.value(list.outputs[index]), type: "float32", shape })),
  };
}
