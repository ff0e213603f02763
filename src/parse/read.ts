/** Reads a model from whatever holds it, told apart by its name. */
import { basename, dirname } from "node:path";
import { UserError } from "../model/errors";
import type { Model } from "../model/model";
import type { TraceClass } from "./pipelines";
import type { Files } from "../platform/files";
import type { ModelChoice } from "../model/choice";

/**
 * @param path Absolute: a folder of a diffusers pipeline or of one component, a configuration in it, or a checkpoint.
 * @param trace For classes that no family describes, in a pipeline's folder.
 * @throws UserError naming the file and the field of whatever is wrong.
 */
export async function readModel(files: Files, path: string, choice: ModelChoice = {}, trace?: TraceClass): Promise<Model> {
  if (path.endsWith(".safetensors")) {
    const { readSingleFile } = await import("./singleFile/read");
    const { readPipeline } = await import("./pipelines");
    return readPipeline(await readSingleFile(files, path), path, choice);
  }
  if (path.endsWith(".onnx")) {
    const { readOnnxModel } = await import("./onnx/read");
    const { train, freeze, cut } = choice;
    return readOnnxModel(files, path, { train, freeze, ...cut });
  }
  const { readDiffusersModel } = await import("./diffusers/read");
  if (["model_index.json", "config.json"].includes(basename(path))) return readDiffusersModel(files, dirname(path), choice, trace);
  if ((await files.stat(path))?.kind === "file") {
    throw new UserError("This is no kind of model that can be read.", { file: path, hint: "Expected a folder of diffusers or transformers, its model_index.json or config.json, or a .safetensors or .onnx file, or a training script." });
  }
  return readDiffusersModel(files, path, choice, trace);
}
