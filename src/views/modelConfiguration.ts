/** Where a component, or one of its layers, is described: the file and the field that a jump goes to. */
import { isAbsolute, join, relative, sep } from "node:path";
import { pathOfField } from "../editor/planText";
import type { Files } from "../platform/files";

/** Files that an editor can show; others (ONNX, weights) are not text. */
const isText = (path: string) => /\.(json|py|ya?ml|txt)$/i.test(path);

/** @param model Path of the model's folder or file. @returns Absolute path, undefined where there is no text that describes the component. */
export async function configurationFile(files: Files, model: string, component: string): Promise<string | undefined> {
  if ((await files.stat(model))?.kind === "file") return isText(model) ? model : undefined;
  const inside = relative(model, join(model, component));
  const candidates = [
    ...(isAbsolute(inside) || inside.split(sep).includes("..") ? [] : [join(model, component, "config.json")]),
    join(model, "config.json"),
    join(model, "model_index.json"),
  ];
  for (const file of candidates) if ((await files.stat(file))?.kind === "file") return file;
  return undefined;
}

type Rule = readonly [place: RegExp, fields: (index: string) => readonly string[]];

/** What in a configuration decides on layers of such a name; the first field that is there is meant. */
const rules: readonly Rule[] = [
  [/(?:^|\.)down_blocks\.(\d+)\.attentions/, (n) => [`down_block_types[${n}]`]],
  [/(?:^|\.)down_blocks\.(\d+)\./, (n) => [`block_out_channels[${n}]`, `down_block_types[${n}]`]],
  [/(?:^|\.)up_blocks\.(\d+)\./, (n) => [`up_block_types[${n}]`]],
  [/(?:^|\.)mid_block\b/, () => ["mid_block_type", "block_out_channels"]],
  [/(?:^|\.)single_transformer_blocks\.\d+/, () => ["num_single_layers"]],
  [/(?:^|\.)\w*(?:blocks?|layers?)\.\d+/, () => ["num_layers", "num_hidden_layers"]],
  [/quant_conv$/, () => ["latent_channels"]],
  [/(?:^|\.)conv_in$/, () => ["in_channels"]],
  [/(?:^|\.)(?:conv_out|proj_out)/, () => ["out_channels"]],
  [/time/, () => ["time_embedding_type", "flip_sin_to_cos", "freq_shift"]],
  [/norm/, () => ["norm_num_groups", "norm_eps", "layer_norm_eps"]],
  [/pos_embed|patch/, () => ["patch_size"]],
  [/embed/, () => ["vocab_size", "image_size", "patch_size"]],
];

const ofTheWhole = ["_class_name", "architectures", "model_type"];

/**
 * The field of a component's configuration that decides on a layer, or without a layer the one that names the class.
 * @returns As errors name fields, e.g. "down_block_types[1]"; undefined where none is there.
 */
export function configurationField(configuration: unknown, component: string, layer?: string): string | undefined {
  const found = rules.flatMap(([place, fields]) => {
    const match = layer === undefined ? null : place.exec(layer);
    return match ? fields(match[1] ?? "") : [];
  });
  return [...found, ...ofTheWhole, component].find((field) => has(configuration, field));
}

function has(value: unknown, field: string): boolean {
  let inner = value;
  for (const part of pathOfField(field)) {
    if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, part)) return false;
    inner = (inner as Readonly<Record<string | number, unknown>>)[part];
  }
  return inner !== undefined;
}
