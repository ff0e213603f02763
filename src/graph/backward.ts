/**
 * Reverse-mode differentiation of a layer: from its operators the graphs of I (gradients of its inputs) and of W (gradients of
 * its parameters), float32, as a framework runs them that splits the backward pass. They read the values that the forward pass
 * kept and the gradients of the outputs; W also reads what I hands on, under the same names.
 */
import { UserError } from "../model/errors";
import type { BackwardGraphs, OnnxGraph, OnnxValue } from "../model/onnx";
import type { Operator, OperatorList, Shape } from "../model/operator";
import { GraphBuilder } from "./builder";
import { gradientFlow, type GradientOptions } from "./gradientFlow";
import { graphParameters, inferShapes, shapesByName } from "./layer";
import type { OperatorShapes } from "./operators/family";
import { inputsOf, lowerInputGrad, lowerWeightGrad, parametersOf } from "./operators/registry";

/** The name of a value's gradient where it comes from outside of the layer. */
export const gradientName = (value: string) => `grad.${value}`;

/** Whether an operator makes values of the type that it gets: ids can be cut and rearranged too. */
const movesOnly = ({ op }: Operator) => op === "rearrange" || op === "slice" || op === "concat" || op === "perSample";

/** Gradients of values while a graph is made; several consumers of a value each add theirs. */
class Gradients {
  private readonly parts = new Map<string, string[]>();

  constructor(private readonly graph: GraphBuilder) {}

  add(value: string, gradient: string): void {
    this.parts.set(value, [...(this.parts.get(value) ?? []), gradient]);
  }

  /** Undefined for a value that nothing differentiated depends on. */
  of(value: string): string | undefined {
    const parts = this.parts.get(value);
    if (!parts) return undefined;
    const sum = parts.reduce((left, right) => this.graph.node("Add", [left, right]));
    this.parts.set(value, [sum]);
    return sum;
  }
}

/**
 * @param inputs The layer's inputs at concrete shapes.
 * @throws UserError naming layer and operator where an operator has no gradient.
 */
export function lowerBackward(name: string, root: string, list: OperatorList, inputs: readonly OnnxValue[], options: GradientOptions): BackwardGraphs {
  const shapes = inferShapes(list, shapesByName(inputs));
  const flow = gradientFlow(list, options);
  const values = new Map(inputs.map((input) => [input.name, input]));
  for (const [index, operator] of list.operators.entries()) {
    const { output } = operator;
    values.set(output, { name: output, type: movesOnly(operator) ? values.get(inputsOf(operator)[0])!.type : "float32", shape: shapes[index].output });
  }
  const shapeOf = (value: string): Shape => values.get(value)!.shape;
  const differentiated = (index: number) => flow[index].learning || flow[index].through !== undefined;
  const fromOutside = list.outputs.filter((value) => list.operators.some(({ output }, index) => output === value && differentiated(index)));
  /** All that both graphs may read, by name: kept values and gradients of the outputs. */
  const readable = new Map([...values, ...fromOutside.map((value) => [gradientName(value), { name: gradientName(value), type: "float32", shape: shapeOf(value) }] as const)]);

  const reversed = list.operators.map((operator, index) => ({ operator, shapes: shapes[index], ...flow[index] })).reverse();
  const passed = (graph: GraphBuilder, gradients: Gradients, step: (typeof reversed)[number]) => {
    const gradient = gradients.of(step.operator.output);
    if (gradient === undefined) return;
    const found = named(name, () => lowerInputGrad(step.operator, step.shapes, graph, gradient, step.wanted));
    inputsOf(step.operator).forEach((value, input) => {
      const part = found[input];
      if (step.wanted[input] && part !== undefined) gradients.add(value, part);
    });
  };

  const forI = new GraphBuilder(root, "i_");
  const inI = new Gradients(forI);
  for (const value of fromOutside) inI.add(value, gradientName(value));
  for (const step of reversed) {
    if (step.through === "I") passed(forI, inI, step);
  }
  const wanted = [...options.inputs].filter((value) => list.inputs.includes(value));
  const ofInputs = wanted.flatMap((value) => {
    const gradient = inI.of(value);
    return gradient === undefined ? [] : [{ value, gradient }];
  });

  const forW = new GraphBuilder(root, "w_");
  const inW = new Gradients(forW);
  const handed = new Map<string, OnnxValue>();
  const ofParameters = new Map<string, string>();
  for (const step of reversed) {
    if (!step.learning && step.through !== "W") continue;
    const { output } = step.operator;
    const gradient = inI.of(output);
    if (gradient !== undefined) {
      if (!readable.has(gradient)) handed.set(gradient, { name: gradient, type: "float32", shape: shapeOf(output) });
      inW.add(output, gradient);
    }
    const whole = inW.of(output);
    if (whole === undefined) continue;
    if (step.learning) addParameterGradients(name, root, step, whole, forW, ofParameters);
    if (step.through === "W") passed(forW, inW, step);
  }

  const parameters = new Map(graphParameters(root, list).map((parameter) => [parameter.name, parameter]));
  return {
    ...(ofInputs.length > 0 && {
      inputGrad: closedGraph(`${name} I`, forI, readable, parameters, [
        ...ofInputs.map(({ value, gradient }) => ({ name: gradient, type: "float32" as const, shape: shapeOf(value) })),
        ...[...handed.values()].filter(({ name: gradient }) => !ofInputs.some((input) => input.gradient === gradient)),
      ]),
    }),
    ...(ofParameters.size > 0 && {
      weightGrad: closedGraph(`${name} W`, forW, new Map([...readable, ...handed]), parameters, [...ofParameters].map(([parameter, gradient]) => ({ name: gradient, type: "float32", shape: parameters.get(parameter)!.shape }))),
    }),
    inputs: ofInputs.map(({ value }) => value),
    parameters: [...ofParameters.keys()],
  };
}

function addParameterGradients(name: string, root: string, { operator, shapes }: { operator: Operator; shapes: OperatorShapes }, gradient: string, graph: GraphBuilder, into: Map<string, string>): void {
  const found = named(name, () => lowerWeightGrad(operator, shapes, graph, gradient));
  parametersOf(operator).forEach((parameter, index) => {
    const key = `${root}${parameter.name}`;
    const before = into.get(key);
    into.set(key, before === undefined ? found[index] : graph.node("Add", [before, found[index]]));
  });
}

/** Says which layer an operator without a gradient is in. */
function named<T>(layer: string, lower: () => T): T {
  try {
    return lower();
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`Layer ${layer}: ${error.reason}`);
    throw error;
  }
}

/** The nodes that were collected, with what they read as inputs. An output that is an input gets a name of its own; what is handed on and an output too is there once. */
function closedGraph(name: string, graph: GraphBuilder, readable: ReadonlyMap<string, OnnxValue>, parameters: ReadonlyMap<string, OnnxValue>, wanted: readonly OnnxValue[]): OnnxGraph {
  const outputs: OnnxValue[] = [];
  const taken = new Set<string>();
  for (const output of wanted) {
    outputs.push(taken.has(output.name) || readable.has(output.name) ? { ...output, name: graph.node("Identity", [output.name]) } : output);
    taken.add(output.name);
  }
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const read = [...new Set(graph.nodes.flatMap((node) => node.inputs))].filter((value) => value !== "" && !made.has(value));
  return {
    name,
    inputs: read.flatMap((value) => readable.get(value) ?? []),
    parameters: read.flatMap((value) => parameters.get(value) ?? []),
    constants: graph.constants,
    nodes: graph.nodes,
    outputs,
  };
}
