/** A float32 graph in float16: the same operators on values of half the size. */
import type { OnnxAttribute, OnnxConstant, OnnxGraph, OnnxNode, OnnxValue } from "../model/onnx";
import { largestHalf } from "./half";
import { dataTypes } from "./onnxProto";

/** Inputs that are float32 by ONNX's own rule, whatever type the operator computes in: factors of sizes. */
const alwaysFloat32: Readonly<Record<string, readonly number[]>> = { Resize: [2], Upsample: [1] };
/** Attributes that name the type of the result. Not `stash_type`, in which a normalisation keeps its statistics: that stays float32, as providers compute them. */
const resultTypes: readonly string[] = ["to", "dtype"];

const wide = (name: string) => `${name}.float32`;

function castTo(type: "float32" | "float16", from: string, to: string): OnnxNode {
  return { op: "Cast", inputs: [from], outputs: [to], attributes: { to: dataTypes[type] } };
}

/** Operators that make float32 unless an attribute says otherwise. */
function makesFloat32({ op, attributes = {} }: OnnxNode): boolean {
  if (op === "Constant") return "value_float" in attributes || "value_floats" in attributes;
  return (op === "RandomNormal" || op === "RandomUniform") && !("dtype" in attributes);
}

function attributesInHalf(attributes: Readonly<Record<string, OnnxAttribute>>): Readonly<Record<string, OnnxAttribute>> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, resultTypes.includes(name) && value === dataTypes.float32 ? dataTypes.float16 : value]));
}

function valueInHalf<V extends OnnxValue>(value: V): V {
  return value.type === "float32" ? { ...value, type: "float16" } : value;
}

/** What float16 cannot hold becomes its largest number: that does the same in a mask, and makes nothing infinite. */
function constantInHalf(constant: OnnxConstant): OnnxConstant {
  if (constant.type !== "float32") return constant;
  return { ...constant, type: "float16", data: constant.data.map((value) => Math.max(-largestHalf, Math.min(largestHalf, value))) };
}

/** Every float32 value, constant, parameter, input and output in float16. Values keep their names. */
export function inHalfPrecision(graph: OnnxGraph): OnnxGraph {
  const float32 = new Map(graph.constants.filter(({ type }) => type === "float32").map((constant) => [constant.name, constant]));
  const kept = new Map<string, OnnxConstant>();
  const nodes = graph.nodes.flatMap((node) => {
    const before: OnnxNode[] = [];
    const inputs = node.inputs.map((name, position) => {
      if (name === "" || !alwaysFloat32[node.op]?.includes(position)) return name;
      const constant = float32.get(name);
      if (constant) {
        kept.set(name, { ...constant, name: wide(name) });
        return wide(name);
      }
      const cast = `${node.outputs[0]}.input${position}`;
      before.push(castTo("float32", name, cast));
      return cast;
    });
    const [output] = node.outputs;
    const after = makesFloat32(node) ? [castTo("float16", wide(output), output)] : [];
    const outputs = after.length > 0 ? [wide(output)] : node.outputs;
    return [...before, { ...node, inputs, outputs, ...(node.attributes && { attributes: attributesInHalf(node.attributes) }) }, ...after];
  });
  const used = new Set([...nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]);
  return {
    ...graph,
    inputs: graph.inputs.map(valueInHalf),
    parameters: graph.parameters.map(valueInHalf),
    constants: [...graph.constants.filter(({ name }) => used.has(name)).map(constantInHalf), ...kept.values()],
    nodes,
    outputs: graph.outputs.map(valueInHalf),
  };
}
