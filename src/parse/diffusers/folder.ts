/** A diffusers pipeline folder: `model_index.json` and the configuration of each component. Weights are not read. */
import { createHash } from "node:crypto";
import { isAbsolute, join, relative, sep } from "node:path";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";
import { maxConfigBytes, parseConfig } from "../config";
import type { ConfigFile, ConfigSource, ModelIndex } from "../source";
import { readModelIndex } from "./modelIndex";
import { isBlobOfSnapshot } from "../hub/cache";

export const indexName = "model_index.json";

/** Reads files of one folder, follows no link out of it (but a snapshot's of the Hugging Face cache to its blobs), and fingerprints what it has read. */
export class DiffusersFolder implements ConfigSource {
  private readonly hash = createHash("sha256");

  private constructor(private readonly files: Files, private readonly folder: string, private readonly realFolder: string) {}

  /** @throws UserError when there is no such folder. */
  static async open(files: Files, folder: string): Promise<DiffusersFolder> {
    const found = await files.stat(folder);
    if (found?.kind !== "folder") throw new UserError(found ? "This is not a folder." : "There is no such folder.", { file: folder, hint: "Expected a diffusers model folder." });
    return new DiffusersFolder(files, folder, await files.realPath(folder));
  }

  async index(): Promise<ModelIndex> {
    return readModelIndex(await this.readFile(indexName));
  }

  async has(name: string): Promise<boolean> {
    return (await this.files.stat(join(this.folder, name)))?.kind === "file";
  }

  read(component: string): Promise<ConfigFile> {
    return this.readFile(component, component === "scheduler" ? "scheduler_config.json" : "config.json");
  }

  /** @param path Parts below the folder. @throws UserError naming the file. */
  async readFile(...path: readonly string[]): Promise<ConfigFile> {
    const file = join(this.folder, ...path);
    const real = await this.files.realPath(file);
    const inside = relative(this.realFolder, real);
    const leaves = inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside);
    if (leaves && !isBlobOfSnapshot(this.realFolder, real)) {
      throw new UserError("The file is a link that leaves the model's folder.", { file, hint: "Copy the model without links." });
    }
    const bytes = await this.files.read(real, maxConfigBytes);
    this.hash.update(`${path.join("/")}\n${bytes.length}\n`).update(bytes);
    return { file, json: parseConfig(bytes, file) };
  }

  /** SHA-256 over names, lengths and bytes of the files read so far, in the order of reading. */
  fingerprint(): string {
    return this.hash.copy().digest("hex");
  }
}
