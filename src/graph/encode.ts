/** Writes a graph as the bytes of an ONNX model. */
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxType, OnnxValue } from "../model/onnx";
import { elements } from "../model/operator";
import { halfBits } from "./half";
import { attributeTypes, dataTypes, modelProto } from "./onnxProto";

/** The operator set that graphs are written for unless they say otherwise, and file versions that hold up to this set and later ones. */
export const opsetVersion = 17;
const irVersions = { usual: 8, later: 10 } as const;

/** Values of a graph input or parameter that is to come with the model; float16 as bits. */
export type TensorData = Float32Array | BigInt64Array | Int32Array | Uint16Array | Uint8Array;

export interface EncodeOptions {
  /** Data of parameters (or inputs) by name; a parameter without data is a graph input. */
  readonly initializers?: ReadonlyMap<string, TensorData>;
  /**
   * Lists the initializers as graph inputs too. They then have a default value but are not constants, so that a runtime
   * neither folds them nor packs them for one weight: what a training step sees.
   */
  readonly overridable?: boolean;
}

const text = new TextEncoder();

/**
 * @returns A `ModelProto`. Graph inputs are the graph's inputs, then its parameters (those without data), in order.
 * @throws Error when data has another length or type than its tensor: a defect of the caller.
 */
export function encodeModel(graph: OnnxGraph, options: EncodeOptions = {}): Uint8Array {
  const given = options.initializers ?? new Map<string, TensorData>();
  const values = [...graph.inputs, ...graph.parameters];
  const opset = graph.opset ?? opsetVersion;
  const message = {
    irVersion: opset <= opsetVersion ? irVersions.usual : irVersions.later,
    producerName: "diffusionpipe",
    opsetImport: [{ domain: "", version: opset }, ...(graph.nodes.some(({ domain }) => domain) ? [{ domain: "com.microsoft", version: 1 }] : [])],
    graph: {
      name: graph.name,
      node: graph.nodes.map(node),
      input: values.filter((value) => options.overridable || !given.has(value.name)).map(valueInfo),
      output: graph.outputs.map(valueInfo),
      initializer: [
        ...graph.constants.map((constant) => tensor(constant, bytesOf(constant, fromNumbers(constant.type, constant.data)))),
        ...values.flatMap((value) => {
          const data = given.get(value.name);
          return data === undefined ? [] : [tensor(value, bytesOf(value, data))];
        }),
      ],
    },
  };
  return modelProto.encode(message).finish();
}

function node(source: OnnxNode, index: number) {
  return {
    input: source.inputs,
    output: source.outputs,
    name: `${source.op}_${index}`,
    opType: source.op,
    ...(source.domain && { domain: source.domain }),
    attribute: Object.entries(source.attributes ?? {}).map(([name, value]) => ({ name, ...attribute(value) })),
  };
}

function attribute(value: OnnxAttribute) {
  if (typeof value === "number") return { type: attributeTypes.int, i: value };
  if (typeof value === "string") return { type: attributeTypes.string, s: text.encode(value) };
  if ("float" in value) return { type: attributeTypes.float, f: value.float };
  if ("floats" in value) return { type: attributeTypes.floats, floats: value.floats };
  return { type: attributeTypes.ints, ints: value };
}

function valueInfo(value: OnnxValue) {
  const dim = value.shape.map((size) => ({ dimValue: size }));
  return { name: value.name, type: { tensorType: { elemType: dataTypes[value.type], shape: { dim } } } };
}

function tensor(value: OnnxValue, rawData: Uint8Array) {
  return { dims: value.shape, dataType: dataTypes[value.type], name: value.name, rawData };
}

function fromNumbers(type: OnnxType, data: readonly number[]): TensorData {
  switch (type) {
    case "float32": return Float32Array.from(data);
    case "int64": return BigInt64Array.from(data, (value) => BigInt(value));
    case "int32": return Int32Array.from(data);
    case "bool": return Uint8Array.from(data);
    case "float16": return Uint16Array.from(data, halfBits);
  }
}

const arrayOf = { float32: Float32Array, int64: BigInt64Array, int32: Int32Array, bool: Uint8Array, float16: Uint16Array } as const;

/** ONNX's raw data is little-endian, and so is every machine that onnxruntime is built for. */
function bytesOf(value: OnnxValue, data: TensorData): Uint8Array {
  const expected = arrayOf[value.type];
  if (!(data instanceof expected)) throw new Error(`Tensor "${value.name}" is ${value.type}; its data is ${data.constructor.name}.`);
  if (data.length !== elements(value.shape)) throw new Error(`Tensor "${value.name}" has shape [${value.shape.join(", ")}] but ${data.length} values.`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
