/** Tensors of a file: types and shapes of all, the elements of short ones only. */
import { isAbsolute, join, dirname, relative, sep } from "node:path";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";
import { intOf, messagesOf, textOf, type Message, type Value } from "./decode";
import { mostTensorBytes } from "./fields";
import { bytesInFile, elementType, type ElementType, type TensorInfo } from "./types";

const largestExact = 2 ** 53 - 1;
/** More elements than this are a weight. */
export const mostElements = 4096;

/** The nearest integer that a number holds exactly. */
export function clampInteger(value: bigint): number {
  return Number(value > BigInt(largestExact) ? BigInt(largestExact) : value < -BigInt(largestExact) ? -BigInt(largestExact) : value);
}

/** @throws UserError naming the tensor for a type or shape that cannot be. */
export function tensorHead(message: Message, path: string): { readonly type: ElementType; readonly shape: readonly number[]; readonly count: number } {
  const field = textOf(message, "name").slice(0, 200) || "tensor";
  const type = elementType(Number(intOf(message, "dataType") ?? 0n));
  if (!type) throw new UserError(`The tensor is of the unknown type ${intOf(message, "dataType") ?? 0n}.`, { file: path, field });
  const shape = (message.get("dims") ?? []).map((size) => clampInteger(size as bigint));
  const count = shape.reduce((product, size) => product * size, 1);
  if (shape.some((size) => size < 0) || !Number.isSafeInteger(count * 16)) throw new UserError(`The tensor has the impossible shape [${shape.slice(0, 16).join(", ")}].`, { file: path, field });
  return { type, shape, count };
}

/** A tensor of the file, with its elements where they are few and in the file. @throws UserError naming the tensor. */
export function fileTensor(message: Message, path: string): TensorInfo {
  const { type, shape, count } = tensorHead(message, path);
  const value = count <= mostElements && messagesOf(message, "externalData").length === 0 ? elementsOf(message, type, count) : undefined;
  if (value && value.length !== count) {
    throw new UserError(`The tensor has ${value.length} elements; its shape [${shape.join(", ")}] needs ${count}.`, { file: path, field: textOf(message, "name").slice(0, 200) });
  }
  return { type, shape, ...(value && { value }) };
}

/** Undefined where they are not kept, or of a type whose elements are never needed. */
function elementsOf(message: Message, type: ElementType, count: number): readonly number[] | undefined {
  const raw = message.get("rawData")?.[0];
  if (raw instanceof Uint8Array && raw.length > 0) return fromRaw(raw, type);
  if (raw !== undefined && !(raw instanceof Uint8Array)) return undefined;
  switch (type) {
    case "float32": return numbersOf(message.get("floatData") ?? []);
    case "float64": return numbersOf(message.get("doubleData") ?? []);
    case "int64": return numbersOf(message.get("int64Data") ?? []);
    case "uint32":
    case "uint64": return numbersOf(message.get("uint64Data") ?? []);
    case "int32": case "int16": case "int8": case "uint16": case "uint8": case "bool": return numbersOf(message.get("int32Data") ?? []);
    case "float16": return numbersOf(message.get("int32Data") ?? [])?.map(halfToNumber);
    case "bfloat16": return numbersOf(message.get("int32Data") ?? [])?.map(brainToNumber);
    default: return count === 0 ? [] : undefined;
  }
}

function numbersOf(values: readonly Value[]): readonly number[] | undefined {
  const numbers: number[] = [];
  for (const value of values) {
    if (typeof value === "bigint") numbers.push(clampInteger(value));
    else if (typeof value === "number") numbers.push(value);
    else return undefined;
  }
  return numbers;
}

/** Little-endian, as ONNX says. Undefined for types whose elements are never needed. */
function fromRaw(raw: Uint8Array, type: ElementType): readonly number[] | undefined {
  const size = bytesInFile(type);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const read = readers[type];
  if (!read || raw.length % size !== 0) return undefined;
  return Array.from({ length: raw.length / size }, (_, index) => read(view, index * size));
}

const readers: Partial<Record<ElementType, (view: DataView, at: number) => number>> = {
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
  float16: (view, at) => halfToNumber(view.getUint16(at, true)),
  bfloat16: (view, at) => brainToNumber(view.getUint16(at, true)),
  int64: (view, at) => clampInteger(view.getBigInt64(at, true)),
  uint64: (view, at) => clampInteger(view.getBigUint64(at, true)),
  int32: (view, at) => view.getInt32(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint16: (view, at) => view.getUint16(at, true),
  int8: (view, at) => view.getInt8(at),
  uint8: (view, at) => view.getUint8(at),
  bool: (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
};

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function brainToNumber(bits: number): number {
  return new Float32Array(new Uint32Array([(bits & 0xffff) * 65536]).buffer)[0];
}

/** Where a tensor's bytes are outside the file. */
interface ExternalPlace {
  readonly location: string;
  readonly offset: number;
  readonly length?: number;
}

/** Reads tensors' bytes in files beside the model: short ones whole, of long ones only whether they are there. */
export class ExternalData {
  private readonly sizes = new Map<string, { readonly path: string; readonly bytes: number } | undefined>();

  constructor(private readonly files: Files, private readonly model: string) {}

  /** The tensor with its elements where they are few. @throws UserError for a path that leaves the folder or a file too short. */
  async tensor(message: Message): Promise<TensorInfo> {
    const info = fileTensor(message, this.model);
    if (messagesOf(message, "externalData").length === 0 && intOf(message, "dataLocation") !== 1n) return info;
    const field = textOf(message, "name").slice(0, 200);
    const place = this.placeOf(message, field);
    const found = await this.find(place.location, field);
    // Weights that were left behind change nothing that is read here.
    if (!found) return info;
    const { count } = tensorHead(message, this.model);
    const length = place.length ?? Math.ceil(count * bytesInFile(info.type));
    if (place.offset + length > found.bytes || length < Math.floor(count * bytesInFile(info.type))) {
      throw new UserError(`The tensor needs ${Math.ceil(count * bytesInFile(info.type))} bytes from ${place.offset} on in "${place.location}", which has ${found.bytes}.`, { file: this.model, field, hint: "The weights' file is damaged, or was not copied whole." });
    }
    if (count > mostElements || length > mostTensorBytes) return info;
    const value = fromRaw(await this.files.readRange(found.path, place.offset, length), info.type);
    return value?.length === count ? { ...info, value } : info;
  }

  private placeOf(message: Message, field: string): ExternalPlace {
    const entries = new Map(messagesOf(message, "externalData").map((entry) => [textOf(entry, "key"), textOf(entry, "value")]));
    const location = entries.get("location") ?? "";
    const whole = (key: string) => {
      const text = entries.get(key);
      if (text === undefined) return undefined;
      if (!/^\d{1,15}$/.test(text)) throw new UserError(`The tensor's external data have the ${key} "${text.slice(0, 40)}"; expected a whole number.`, { file: this.model, field });
      return Number(text);
    };
    return { location, offset: whole("offset") ?? 0, length: whole("length") };
  }

  private async find(location: string, field: string): Promise<{ readonly path: string; readonly bytes: number } | undefined> {
    const known = this.sizes.get(location);
    if (known || this.sizes.has(location)) return known;
    const folder = dirname(this.model);
    const path = join(folder, location);
    const leaves = (from: string, to: string) => {
      const inside = relative(from, to);
      return inside === "" || inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
    };
    const outside = () => new UserError(`The tensor's data are to be in "${location.slice(0, 200)}", outside the model's folder.`, { file: this.model, field, hint: "External data lie beside the model." });
    if (location === "" || location.includes("\0") || isAbsolute(location) || leaves(folder, path)) throw outside();
    const stat = await this.files.stat(path);
    if (stat && (stat.kind !== "file" || leaves(await this.files.realPath(folder), await this.files.realPath(path)))) throw outside();
    const found = stat && { path, bytes: stat.bytes };
    this.sizes.set(location, found);
    return found;
  }
}
