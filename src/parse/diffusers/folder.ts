/** A diffusers pipeline folder: `model_index.json` and the configuration of each component. Weights are not read. */
import { createHash } from "node:crypto";
import { isAbsolute, join, relative, sep } from "node:path";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";
import { maxConfigBytes, parseConfig } from "../config";
import { isBlobOfSnapshot } from "../hub/cache";

const indexName = "model_index.json";

export interface ConfigFile {
  /** Path for messages. */
  readonly file: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Reads files of one folder, follows no link out of it (but a snapshot's of the Hugging Face cache to its blobs), and fingerprints what it has read. */
export class DiffusersFolder {
  private readonly hash = createHash("sha256");

  private constructor(private readonly files: Files, private readonly folder: string, private readonly realFolder: string) {}

  /** @throws UserError when there is no such folder. */
  static async open(files: Files, folder: string): Promise<DiffusersFolder> {
    const found = await files.stat(folder);
    if (found?.kind !== "folder") throw new UserError(found ? "This is not a folder." : "There is no such folder.", { file: folder, hint: "Expected a diffusers model folder." });
    return new DiffusersFolder(files, folder, await files.realPath(folder));
  }

  async index(): Promise<ConfigFile> {
    const file = join(this.folder, indexName);
    if (!(await this.files.stat(file))) {
      throw new UserError(`There is no ${indexName}.`, { file: this.folder, hint: "Expected a folder written by a diffusers pipeline's save_pretrained." });
    }
    return this.read(indexName);
  }

  /** @param path Parts below the folder. @throws UserError naming the file. */
  async read(...path: readonly string[]): Promise<ConfigFile> {
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
