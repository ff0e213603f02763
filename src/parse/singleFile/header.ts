/** The header of a `.safetensors` file: a length of 8 bytes, then that many bytes of JSON, then the weights, which are not read. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { decodeUtf8 } from "../../formats/document";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";

/** The header of FLUX.1 has 0.2 MB. */
const maxHeaderBytes = 32 * 1024 * 1024;
const maxTensors = 50_000;

/** Bits of one element, by the names that the format gives types. */
const bitsOf: ReadonlyMap<string, number> = new Map(Object.entries({
  BOOL: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E5M2FNUZ: 8, F8_E4M3FNUZ: 8,
  I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, F64: 64, I64: 64, U64: 64, C64: 64,
}));

const size = z.int().min(0);
const entrySchema = z.object({ dtype: z.string(), shape: z.array(size).max(8), data_offsets: z.tuple([size, size]) });
const metadataSchema = z.record(z.string(), z.string());

export interface SafetensorsHeader {
  readonly file: string;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly metadata: Readonly<Record<string, string>>;
  /** SHA-256 of the header and the file's length. */
  readonly sha256: string;
}

/** @throws UserError naming the tensor where a header is truncated, absurd, or does not fit the file. */
export async function readSafetensorsHeader(files: Files, file: string): Promise<SafetensorsHeader> {
  const found = await files.stat(file);
  if (found?.kind !== "file") throw new UserError(found ? "This is not a file." : "The file does not exist.", { file });
  const start = await files.readRange(file, 0, 8);
  if (start.length < 8) throw new UserError("The file ends before the length of its header.", { file, hint: "Expected a safetensors file." });
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (length > maxHeaderBytes) throw new UserError(`Its first 8 bytes say that the header has ${length} bytes; at most ${maxHeaderBytes} are read.`, { file, hint: "Is this a safetensors file?" });
  if (length + 8 > found.bytes) throw new UserError(`The header has ${length} bytes, and the file ends after ${found.bytes}.`, { file, hint: "Copy or download it again." });
  const bytes = await files.readRange(file, 8, length);
  if (bytes.length < length) throw new UserError("The file became shorter while it was read.", { file });
  const { shapes, metadata } = checkHeader(parseHeader(bytes, file), found.bytes - 8 - length, file);
  return { file, shapes, metadata, sha256: createHash("sha256").update(`${found.bytes}\n`).update(bytes).digest("hex") };
}

function parseHeader(bytes: Uint8Array, file: string): object {
  const text = decodeUtf8(bytes, file);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new UserError(`The header is not JSON: ${(error as Error).message}.`, { file });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw new UserError("The header is not a JSON object.", { file });
  return header;
}

/** Tensors must fill the file from end to end, as the format demands: holes and overlaps are mistakes. */
function checkHeader(header: object, dataBytes: number, file: string): Pick<SafetensorsHeader, "shapes" | "metadata"> {
  const { __metadata__: metadata = {}, ...entries } = header as Record<string, unknown>;
  const checkedMetadata = metadataSchema.safeParse(metadata);
  if (!checkedMetadata.success) throw new UserError("Expected texts by name.", { file, field: "__metadata__" });
  const tensors = Object.entries(entries);
  if (tensors.length === 0) throw new UserError("The file has no tensors.", { file });
  if (tensors.length > maxTensors) throw new UserError(`The file has ${tensors.length} tensors; at most ${maxTensors} are supported.`, { file });
  const ranges: { readonly name: string; readonly from: number; readonly to: number }[] = [];
  const shapes = new Map<string, readonly number[]>();
  for (const [name, entry] of tensors) {
    const { shape, range } = checkTensor(name.slice(0, 200), entry, file);
    shapes.set(name, shape);
    ranges.push({ name: name.slice(0, 200), ...range });
  }
  ranges.sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const { name, from, to } of ranges) {
    if (from !== end) throw new UserError(`Its data begins at byte ${from}, where ${end} was expected.`, { file, field: `${name}.data_offsets` });
    if (to > dataBytes) throw new UserError(`Its data ends at byte ${to}, and the file has ${dataBytes} bytes of data.`, { file, field: `${name}.data_offsets`, hint: "The file is truncated: copy or download it again." });
    end = to;
  }
  if (end !== dataBytes) throw new UserError(`The tensors have ${end} bytes, and the file has ${dataBytes} bytes of data.`, { file });
  return { shapes, metadata: checkedMetadata.data };
}

function checkTensor(name: string, entry: unknown, file: string) {
  const result = entrySchema.safeParse(entry);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(`${issue.message.replace(/\.$/, "")}.`, { file, field: [name, ...issue.path].join(".") });
  }
  const { dtype, shape, data_offsets: [from, to] } = result.data;
  const bits = bitsOf.get(dtype);
  if (bits === undefined) throw new UserError(`Unknown type "${dtype.slice(0, 40)}".`, { file, field: `${name}.dtype` });
  const expected = shape.reduce((product, dimension) => product * dimension, bits) / 8;
  if (!Number.isSafeInteger(expected)) throw new UserError(`A ${dtype} tensor of shape [${shape.join(", ")}] has no countable size in bytes.`, { file, field: `${name}.shape` });
  if (to - from !== expected) throw new UserError(`${to - from} bytes for a ${dtype} tensor of shape [${shape.join(", ")}], which has ${expected}.`, { file, field: `${name}.data_offsets` });
  return { shape, range: { from, to } };
}
