/** A single file of weights as a source of configurations. */
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";
import type { ConfigSource } from "../source";
import { readSafetensorsHeader } from "./header";
import { recognise } from "./recognise";

/** @param path A `.safetensors` file; its header alone is read. @throws UserError naming the file and the tensor. */
export async function readSingleFile(files: Files, path: string): Promise<ConfigSource> {
  const header = await readSafetensorsHeader(files, path);
  const { index, configs } = recognise(header);
  return {
    index: () => Promise.resolve(index),
    read(component) {
      const json = configs.get(component);
      return json ? Promise.resolve({ file: path, json }) : Promise.reject(new UserError(`The file has no "${component}".`, { file: path }));
    },
    fingerprint: () => header.sha256,
  };
}
