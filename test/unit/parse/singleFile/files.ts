/** `.safetensors` files in memory: a header over a hole. */
import { UserError } from "../../../../src/model/errors";
import type { Files } from "../../../../src/platform/files";

export type Header = Readonly<Record<string, unknown>>;

/** Entries whose data lies end to end, two bytes an element. */
export function entriesOf(shapes: Readonly<Record<string, readonly number[]>>): Record<string, { dtype: string; shape: readonly number[]; data_offsets: [number, number] }> {
  let offset = 0;
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => {
    const from = offset;
    offset += 2 * shape.reduce((product, size) => product * size, 1);
    return [name, { dtype: "F16", shape, data_offsets: [from, offset] as [number, number] }];
  }));
}

export function dataBytes(header: Header): number {
  return Math.max(0, ...Object.values(header).map((entry) => (entry as { data_offsets?: [number, number] }).data_offsets?.[1] ?? 0));
}

/** The file's first bytes: the header's length and the header. */
export function headBytes(header: string | Uint8Array, length?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** One file whose first bytes are given; the rest up to `total` is never read. */
export function fileOf(path: string, head: Uint8Array, total: number): Files {
  const refuse = () => Promise.reject(new Error("Reading a header must not do this."));
  return {
    stat: (asked) => Promise.resolve(asked === path ? { kind: "file", bytes: total, modifiedMs: 0 } : undefined),
    readRange: (asked, offset, length) => (asked === path ? Promise.resolve(head.slice(offset, Math.min(offset + length, total))) : Promise.reject(new UserError("The file does not exist.", { file: asked }))),
    read: refuse, realPath: refuse, list: refuse, write: refuse, remove: refuse,
  };
}

/** The tensors of a small FLUX transformer, as its authors name them. */
export function smallFlux(prefix = ""): Record<string, readonly number[]> {
  const [features, head] = [64, 32];
  const linear = (name: string, outputs: number, inputs: number) => ({ [`${name}.weight`]: [outputs, inputs], [`${name}.bias`]: [outputs] });
  const embedding = (name: string, inputs: number) => ({ ...linear(`${name}.in_layer`, features, inputs), ...linear(`${name}.out_layer`, features, features) });
  const double = (index: number) => Object.assign({}, ...["img", "txt"].map((stream) => ({
    ...linear(`double_blocks.${index}.${stream}_mod.lin`, 6 * features, features),
    ...linear(`double_blocks.${index}.${stream}_attn.qkv`, 3 * features, features),
    ...linear(`double_blocks.${index}.${stream}_attn.proj`, features, features),
    [`double_blocks.${index}.${stream}_attn.norm.query_norm.scale`]: [head],
    [`double_blocks.${index}.${stream}_attn.norm.key_norm.scale`]: [head],
    ...linear(`double_blocks.${index}.${stream}_mlp.0`, 4 * features, features),
    ...linear(`double_blocks.${index}.${stream}_mlp.2`, features, 4 * features),
  }))) as Record<string, number[]>;
  const single = (index: number) => ({
    ...linear(`single_blocks.${index}.linear1`, 7 * features, features),
    ...linear(`single_blocks.${index}.linear2`, features, 5 * features),
    ...linear(`single_blocks.${index}.modulation.lin`, 3 * features, features),
    [`single_blocks.${index}.norm.query_norm.scale`]: [head],
    [`single_blocks.${index}.norm.key_norm.scale`]: [head],
  });
  const tensors: Record<string, readonly number[]> = {
    ...linear("img_in", features, 64), ...linear("txt_in", features, 24), ...embedding("time_in", 256), ...embedding("vector_in", 12), ...embedding("guidance_in", 256),
    ...double(0), ...double(1), ...single(0), ...linear("final_layer.linear", 64, features), ...linear("final_layer.adaLN_modulation.1", 2 * features, features),
  };
  return Object.fromEntries(Object.entries(tensors).map(([name, shape]) => [prefix + name, shape]));
}
