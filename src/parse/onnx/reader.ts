/** Reads the structure of an ONNX file: nodes, shapes and short constants; weights are jumped over. */
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";
import { Decoder, intOf, messagesOf, textOf, textsOf, type Message } from "./decode";
import { modelTable } from "./fields";
import { clampInteger, ExternalData, fileTensor } from "./tensors";
import { elementType, type Attributes, type AttributeValue, type DeclaredValue, type Dimension, type FileFunction, type FileNode, type OnnxFile, type TensorInfo } from "./types";
import { FileWindow } from "./window";

const text = new TextDecoder();

/** @param path Absolute path of the file. @throws UserError naming the file and the place in it. */
export async function readOnnxFile(files: Files, path: string): Promise<OnnxFile> {
  const stat = await files.stat(path);
  if (stat?.kind !== "file") throw new UserError(stat ? "This is not a file." : "There is no such file.", { file: path });
  const window = new FileWindow(files, path, stat.bytes);
  const model = await new Decoder(window).message(modelTable, stat.bytes);
  const [graph] = messagesOf(model, "graph");
  if (!graph) throw new UserError("The file holds no graph.", { file: path, hint: "Expected an ONNX model." });
  if (messagesOf(graph, "sparseInitializer").length > 0) throw new UserError("Sparse initializers are not supported.", { file: path, field: "sparse_initializer" });
  const initializers = await readInitializers(graph, new ExternalData(files, path), path);
  const declared = (name: string) => messagesOf(graph, name).map((value) => declaredValue(value, path));
  return {
    path,
    sha256: window.fingerprint(),
    name: textOf(graph, "name"),
    producer: textOf(model, "producerName"),
    operatorSets: new Map(messagesOf(model, "operatorSet").map((set) => [domainOf(set), Number(intOf(set, "version") ?? 0n)])),
    nodes: messagesOf(graph, "node").map((node) => fileNode(node, path)),
    initializers,
    inputs: declared("input").filter(({ name }) => !initializers.has(name)),
    outputs: declared("output"),
    values: new Map([...declared("output"), ...declared("valueInfo")].filter(({ shape }) => shape).map((value) => [value.name, value])),
    functions: messagesOf(model, "function").map((source) => fileFunction(source, path)),
  };
}

async function readInitializers(graph: Message, external: ExternalData, path: string): Promise<ReadonlyMap<string, TensorInfo>> {
  const found = new Map<string, TensorInfo>();
  for (const message of messagesOf(graph, "initializer")) {
    const name = textOf(message, "name");
    if (name === "") throw new UserError("An initializer has no name.", { file: path, field: "initializer" });
    if (found.has(name)) throw new UserError("Two initializers have this name.", { file: path, field: name.slice(0, 200) });
    found.set(name, await external.tensor(message));
  }
  return found;
}

/** Both names of ONNX's own operators are "". */
function domainOf(message: Message): string {
  const domain = textOf(message, "domain");
  return domain === "ai.onnx" ? "" : domain;
}

function declaredValue(message: Message, path: string): DeclaredValue {
  const name = textOf(message, "name");
  const [type] = messagesOf(message, "type");
  const [tensor] = type ? messagesOf(type, "tensor") : [];
  if (!tensor) return { name };
  const [shape] = messagesOf(tensor, "shape");
  const dimensions = shape && messagesOf(shape, "dim").map((dim): Dimension => {
    const value = intOf(dim, "value");
    // Some exporters write an unknown size as -1 or 0 with a name, or without.
    if (value !== undefined && value > 0n) return clampInteger(value);
    return textOf(dim, "parameter") || (value === 0n ? 0 : undefined);
  });
  if (dimensions && dimensions.length > 64) throw new UserError(`The value has ${dimensions.length} dimensions.`, { file: path, field: name.slice(0, 200) });
  const element = elementType(Number(intOf(tensor, "elemType") ?? 0n));
  return { name, ...(element && { type: element }), ...(dimensions && { shape: dimensions }) };
}

function fileNode(message: Message, path: string): FileNode {
  const scope = scopeOf(message);
  return {
    name: textOf(message, "name"),
    op: textOf(message, "opType"),
    domain: domainOf(message),
    inputs: textsOf(message, "input"),
    outputs: textsOf(message, "output"),
    attributes: attributesOf(messagesOf(message, "attribute"), path),
    ...(scope && { scope }),
  };
}

/** PyTorch's exporter writes the modules around a node as `['', 'unet', 'unet.conv_in', 'conv2d']`: the last but one is the innermost. */
function scopeOf(message: Message): string | undefined {
  const entry = messagesOf(message, "metadata").find((metadata) => textOf(metadata, "key") === "pkg.torch.onnx.name_scopes");
  const names = entry && [...textOf(entry, "value").matchAll(/'([^']*)'/g)].map(([, name]) => name);
  return names?.at(-2);
}

function attributesOf(messages: readonly Message[], path: string): Attributes {
  return new Map(messages.map((message) => [textOf(message, "name"), attributeValue(message, path)]));
}

/** By the type that the attribute says it has, or, in old files that do not say, by what is there. */
function attributeValue(message: Message, path: string): AttributeValue {
  if (textOf(message, "reference")) return { kind: "reference", value: textOf(message, "reference") };
  const fields = ["", "f", "i", "s", "t", "g", "floats", "ints", "strings"];
  const stated = fields[Number(intOf(message, "type") ?? 0n)];
  const field = stated === "" ? (fields.find((name) => message.has(name)) ?? "") : stated;
  const numbers = () => (message.get(field) ?? []).map((value) => (typeof value === "bigint" ? clampInteger(value) : typeof value === "number" ? value : NaN));
  const texts = () => (message.get(field) ?? []).map((value) => (value instanceof Uint8Array ? text.decode(value) : ""));
  const isShort = !(message.get(field) ?? []).some((value) => typeof value === "object" && "skipped" in value);
  if (!isShort) return { kind: "other" };
  switch (field) {
    case "f": return { kind: "float", value: numbers()[0] ?? 0 };
    case "i": return { kind: "int", value: numbers()[0] ?? 0 };
    case "s": return { kind: "text", value: texts()[0] ?? "" };
    case "floats": return { kind: "floats", value: numbers() };
    case "ints": return { kind: "ints", value: numbers() };
    case "strings": return { kind: "texts", value: texts() };
    case "g": return { kind: "graph" };
    case "t": {
      const [tensor] = messagesOf(message, "t");
      return tensor ? { kind: "tensor", value: fileTensor(tensor, path) } : { kind: "other" };
    }
    default: return { kind: "other" };
  }
}

function fileFunction(message: Message, path: string): FileFunction {
  return {
    name: textOf(message, "name"),
    domain: domainOf(message),
    inputs: textsOf(message, "input"),
    outputs: textsOf(message, "output"),
    nodes: messagesOf(message, "node").map((node) => fileNode(node, path)),
    defaults: attributesOf(messagesOf(message, "attributeDefault"), path),
  };
}
