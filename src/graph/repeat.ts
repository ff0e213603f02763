/**
 * A layer's graph made fit for timing: the layer runs a number of times in one graph, each time on other inputs where there is
 * room for them, and every output is cut down to one number. The difference in time between two counts is then the layer alone:
 * the start of a run, transfers to and from the host and the making of values are in both and cancel.
 */
import { bytesPerValue, type OnnxConstant, type OnnxGraph, type OnnxNode, type OnnxValue } from "../model/onnx";
import { elements } from "../model/operator";
import { encodeModel, type TensorData } from "./encode";
import { fillTensor, weightScale } from "./fill";

/** The name of the graph's only output, a number that depends on every repetition. */
export const repeatedOutput = "repeat.sum";

const constants: readonly OnnxConstant[] = [
  { name: "repeat.flat", type: "int64", shape: [1], data: [-1] },
  { name: "repeat.zero", type: "int64", shape: [1], data: [0] },
];

const inputName = (name: string, set: number) => `${name}#${set}`;
const repetitionName = (name: string, repetition: number) => `${name}@${repetition}`;

/** One element of a value as a float32 vector of length 1, by operators that all operator sets write alike. Takes the first, since every kernel computes whole tensors. */
function firstElement(value: OnnxValue, name: string): { readonly nodes: readonly OnnxNode[]; readonly output: string } {
  const flat: OnnxNode = { op: "Reshape", inputs: [name, "repeat.flat"], outputs: [`${name}.flat`] };
  const first: OnnxNode = { op: "Gather", inputs: [`${name}.flat`, "repeat.zero"], outputs: [`${name}.first`] };
  if (value.type === "float32") return { nodes: [flat, first], output: `${name}.first` };
  const cast: OnnxNode = { op: "Cast", inputs: [`${name}.first`], outputs: [`${name}.float`], attributes: { to: 1 } };
  return { nodes: [flat, first, cast], output: `${name}.float` };
}

/** Inputs of their own for each repetition are made up to this many bytes; beyond them repetitions take turns. */
const mostInputBytes = 2 ** 28;

/** How many sets of inputs there are: one for each repetition where they are small, and always one. */
export function inputSets(graph: OnnxGraph, times: number): number {
  return Math.max(1, Math.min(times, Math.floor(mostInputBytes / Math.max(1, bytesOf(graph.inputs)))));
}

/**
 * The layer `times` times in one graph, in turns on `inputSets` sets of inputs, `NAME#0`, `NAME#1` …; parameters and constants are
 * shared. What repetitions have in common must not be computed once for all: sessions are made without that optimisation.
 */
export function repeatGraph(graph: OnnxGraph, times: number): OnnxGraph {
  const shared = new Set([...graph.parameters, ...graph.constants].map((value) => value.name));
  const sets = inputSets(graph, times);
  const given = new Set(graph.inputs.map((value) => value.name));
  const nodes: OnnxNode[] = [];
  const numbers: string[] = [];
  for (let repetition = 0; repetition < times; repetition += 1) {
    const rename = (name: string) => (name === "" || shared.has(name) ? name : given.has(name) ? inputName(name, repetition % sets) : repetitionName(name, repetition));
    for (const node of graph.nodes) nodes.push({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) });
    for (const output of graph.outputs) {
      const element = firstElement(output, rename(output.name));
      nodes.push(...element.nodes);
      numbers.push(element.output);
    }
  }
  nodes.push(
    { op: "Concat", inputs: numbers, outputs: ["repeat.all"], attributes: { axis: 0 } },
    { op: "ReduceSum", inputs: ["repeat.all"], outputs: [repeatedOutput], attributes: { keepdims: 0 } },
  );
  return {
    name: `${graph.name} x${times}`,
    ...(graph.opset !== undefined && { opset: graph.opset }),
    inputs: Array.from({ length: sets }, (_, set) => graph.inputs.map((input) => ({ ...input, name: inputName(input.name, set) }))).flat(),
    parameters: graph.parameters,
    constants: [...graph.constants, ...constants],
    nodes,
    outputs: [{ name: repeatedOutput, type: "float32", shape: [] }],
  };
}

/**
 * The repeated graph as a model that needs no feeds: inputs and parameters carry made-up values. They can be overridden,
 * so a runtime must not treat them as constants: nothing is folded, and weights are not packed ahead of the run, just as
 * in training, where they change every step.
 * @throws RangeError where the machine cannot hold the values.
 */
export function encodeRepeated(graph: OnnxGraph, times: number): Uint8Array {
  const whole = repeatGraph(graph, times);
  const data = new Map<string, TensorData>();
  for (const value of whole.parameters) data.set(value.name, fillTensor(value, data.size + 1, weightScale(value.shape)));
  for (const value of whole.inputs) data.set(value.name, fillTensor(value, data.size + 1));
  return encodeModel(whole, { initializers: data, overridable: true });
}

const bytesOf = (values: readonly OnnxValue[]) => values.reduce((sum, value) => sum + elements(value.shape) * bytesPerValue[value.type], 0);

/** Bytes of the values that come with `encodeRepeated`'s model. */
export function repeatedBytes(graph: OnnxGraph, times: number): number {
  return bytesOf(graph.parameters) + inputSets(graph, times) * bytesOf(graph.inputs);
}
