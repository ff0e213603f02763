/** The fields of ONNX's messages that are read (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); all others are jumped over. */
import type { Field, FieldKind, MessageTable } from "./decode";

/** Tensors with more bytes than this are weights: shapes, axes, scales and other constants of a computation are shorter. */
export const mostTensorBytes = 32 * 1024;

const one = (name: string, kind: FieldKind): Field => ({ name, kind });
const many = (name: string, kind: FieldKind): Field => ({ name, kind, repeated: true });
const data = (name: string, kind: FieldKind): Field => ({ name, kind, repeated: true, skipAbove: mostTensorBytes });
const nested = (name: string, message: () => MessageTable): Field => ({ name, kind: "message", message });
const nestedMany = (name: string, message: () => MessageTable): Field => ({ ...nested(name, message), repeated: true });

const entry: MessageTable = new Map([[1, one("key", "text")], [2, one("value", "text")]]);

const tensor: MessageTable = new Map<number, Field>([
  [1, many("dims", "int")],
  [2, one("dataType", "int")],
  [4, data("floatData", "float32")],
  [5, data("int32Data", "int")],
  [7, data("int64Data", "int")],
  [8, one("name", "text")],
  [9, { name: "rawData", kind: "bytes", skipAbove: mostTensorBytes }],
  [10, data("doubleData", "float64")],
  [11, data("uint64Data", "int")],
  [13, nestedMany("externalData", () => entry)],
  [14, one("dataLocation", "int")],
]);

const sparseTensor: MessageTable = new Map([[1, nested("values", () => tensor)], [3, many("dims", "int")]]);

const dimension: MessageTable = new Map([[1, one("value", "int")], [2, one("parameter", "text")]]);
const shape: MessageTable = new Map([[1, nestedMany("dim", () => dimension)]]);
const tensorType: MessageTable = new Map([[1, one("elemType", "int")], [2, nested("shape", () => shape)]]);
const unread: MessageTable = new Map();
const type: MessageTable = new Map([
  [1, nested("tensor", () => tensorType)],
  [4, nested("sequence", () => unread)],
  [5, nested("map", () => unread)],
  [8, nested("sparse", () => unread)],
  [9, nested("optional", () => unread)],
]);
const valueInfo: MessageTable = new Map([[1, one("name", "text")], [2, nested("type", () => type)]]);

const attribute: MessageTable = new Map<number, Field>([
  [1, one("name", "text")],
  [2, one("f", "float32")],
  [3, one("i", "int")],
  [4, { name: "s", kind: "bytes", skipAbove: mostTensorBytes }],
  [5, nested("t", () => tensor)],
  [6, nested("g", () => graph)],
  [7, data("floats", "float32")],
  [8, data("ints", "int")],
  [9, { name: "strings", kind: "bytes", repeated: true, skipAbove: mostTensorBytes }],
  [20, one("type", "int")],
  [21, one("reference", "text")],
]);

const node: MessageTable = new Map([
  [1, many("input", "text")],
  [2, many("output", "text")],
  [3, one("name", "text")],
  [4, one("opType", "text")],
  [5, nestedMany("attribute", () => attribute)],
  [7, one("domain", "text")],
  [9, nestedMany("metadata", () => entry)],
]);

const graph: MessageTable = new Map([
  [1, nestedMany("node", () => node)],
  [2, one("name", "text")],
  [5, nestedMany("initializer", () => tensor)],
  [11, nestedMany("input", () => valueInfo)],
  [12, nestedMany("output", () => valueInfo)],
  [13, nestedMany("valueInfo", () => valueInfo)],
  [15, nestedMany("sparseInitializer", () => sparseTensor)],
]);

const operatorSet: MessageTable = new Map([[1, one("domain", "text")], [2, one("version", "int")]]);

const functionTable: MessageTable = new Map([
  [1, one("name", "text")],
  [4, many("input", "text")],
  [5, many("output", "text")],
  [6, many("attribute", "text")],
  [7, nestedMany("node", () => node)],
  [10, one("domain", "text")],
  [11, nestedMany("attributeDefault", () => attribute)],
]);

export const modelTable: MessageTable = new Map([
  [1, one("irVersion", "int")],
  [2, one("producerName", "text")],
  [7, nested("graph", () => graph)],
  [8, nestedMany("operatorSet", () => operatorSet)],
  [25, nestedMany("function", () => functionTable)],
]);
