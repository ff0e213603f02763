/** Which files of a diffusers folder and of the trainer a run needs. */
import { UserError } from "../../model/errors";
import type { Tree } from "./tree";

const weightsEnding = /\.(safetensors|bin)$/;
/** Copies of the weights in other forms, which training never reads. */
const otherForms = /\.(ckpt|onnx|onnx_data|msgpack|h5|pb|ot|gguf)$/;
/** E.g. `model.fp16.safetensors`: a variant beside the weights themselves. */
const variant = /\.(fp16|bf16|non_ema|ema_only)[.-]/;

/** Configuration, vocabularies and weights of a diffusers folder; safetensors rather than .bin where there are both. */
export function modelFiles(files: readonly string[]): readonly string[] {
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/") + 1);
  const withSafetensors = new Set(files.filter((path) => path.endsWith(".safetensors") && !variant.test(path)).map(folderOf));
  return files.filter((path) => {
    if (otherForms.test(path)) return false;
    if (!weightsEnding.test(path)) return /\.(json|txt|model)$/.test(path);
    // A single-file checkpoint at the top is the whole pipeline once more.
    return path.includes("/") && !variant.test(path) && (path.endsWith(".safetensors") || !withSafetensors.has(folderOf(path)));
  });
}

/** Of a diffusers folder, what says how the model is built. */
export function configurationFiles(files: readonly string[]): readonly string[] {
  return modelFiles(files).filter((path) => !weightsEnding.test(path));
}

export function trainerFiles(files: readonly string[]): readonly string[] {
  return files.filter((path) => (path.startsWith("diffusionpipe_trainer/") ? path.endsWith(".py") : path === "requirements.txt"));
}

/** The components of `names` that have a configuration in the folder but no weights. */
export function componentsWithoutWeights(model: { readonly files: readonly { readonly path: string }[] }, names: readonly string[]): readonly string[] {
  const paths = model.files.map((file) => file.path);
  return names.filter((name) => paths.includes(`${name}/config.json`) && !paths.some((path) => path.startsWith(`${name}/`) && weightsEnding.test(path)));
}

/** @throws UserError naming the components and both ways out. */
export function requireWeights(model: Tree, names: readonly string[]): void {
  const missing = componentsWithoutWeights(model, names);
  if (missing.length === 0) return;
  throw new UserError(`There are no weights for ${missing.join(", ")}.`, {
    file: model.source,
    hint: "Download them (safetensors) into the component's folder, or give --init-weights SEED to start from random ones.",
  });
}
