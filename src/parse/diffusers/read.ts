/** Reads a model from a diffusers folder. */
import type { Model } from "../../model/model";
import type { Files } from "../../platform/files";
import { makeModel } from "../model";
import type { RoleChoice } from "../roles";
import { DiffusersFolder } from "./folder";
import { readModelIndex } from "./modelIndex";
import { readStableDiffusion } from "./stableDiffusion";

/** @param path Absolute path of the folder. @throws UserError naming the file and the field of whatever is wrong. */
export async function readDiffusersModel(files: Files, path: string, choice: RoleChoice = {}): Promise<Model> {
  const folder = await DiffusersFolder.open(files, path);
  const index = readModelIndex(await folder.index());
  const pipeline = await readStableDiffusion(folder, index);
  return makeModel(path, folder.fingerprint(), pipeline, choice);
}
