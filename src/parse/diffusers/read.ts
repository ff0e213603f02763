/** Reads a model from a diffusers folder: a pipeline's, or that of one component alone. */
import { basename } from "node:path";
import { UserError } from "../../model/errors";
import type { Model } from "../../model/model";
import type { Files } from "../../platform/files";
import { componentModel, readPipeline, type TraceClass } from "../pipelines";
import type { ModelChoice } from "../../model/choice";
import type { ConfigFile } from "../source";
import { DiffusersFolder, indexName } from "./folder";

/** @param path Absolute path of the folder. @throws UserError naming the file and the field of whatever is wrong. */
export async function readDiffusersModel(files: Files, path: string, choice: ModelChoice = {}, trace?: TraceClass): Promise<Model> {
  const folder = await DiffusersFolder.open(files, path);
  if (await folder.has(indexName)) return readPipeline(folder, path, choice, trace);
  if (await folder.has("config.json")) {
    const config = await folder.readFile("config.json");
    return componentModel(basename(path), classOf(config), config, path, folder.fingerprint(), choice);
  }
  throw new UserError(`There is no ${indexName} and no config.json.`, { file: path, hint: "Expected a folder written by save_pretrained of a diffusers pipeline or of one of its components." });
}

/** diffusers writes the class, transformers a list of architectures. */
function classOf({ file, json }: ConfigFile): string {
  const { _class_name: name, architectures } = json;
  if (typeof name === "string") return name;
  const [first] = Array.isArray(architectures) ? (architectures as readonly unknown[]) : [];
  if (typeof first === "string") return first;
  throw new UserError("The configuration does not say which class it is of.", { file, field: "_class_name" });
}
