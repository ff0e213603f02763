/** Model folders in memory for tests: a fixture's files, changed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspectModel } from "../../../src/app/inspect";
import { UserError } from "../../../src/model/errors";
import type { Model } from "../../../src/model/model";
import type { RoleChoice } from "../../../src/model/choice";
import type { Files } from "../../../src/platform/files";

export const folder = "/models/made";
const configFiles = ["model_index.json", "text_encoder/config.json", "vae/config.json", "unet/config.json", "scheduler/scheduler_config.json"] as const;
export type ConfigName = (typeof configFiles)[number];
export type Contents = Readonly<Partial<Record<ConfigName, string | Uint8Array | undefined>>>;

export function fixturePath(name: string): string {
  return join("test/fixtures/models", name);
}

export function fixtureJson(name: string, file: ConfigName): Record<string, unknown> {
  return JSON.parse(readFileSync(join(fixturePath(name), file), "utf8")) as Record<string, unknown>;
}

/** Only what reading a model needs; the rest is refused. */
export function memoryFiles(contents: ReadonlyMap<string, Uint8Array>, links: ReadonlyMap<string, string> = new Map()): Files {
  const refuse = () => Promise.reject(new Error("Reading a model must not do this."));
  return {
    read(path, maxBytes) {
      const bytes = contents.get(path);
      if (!bytes) return Promise.reject(new UserError("The file does not exist.", { file: path }));
      if (bytes.length > maxBytes) return Promise.reject(new UserError("The file is too long.", { file: path }));
      return Promise.resolve(bytes);
    },
    readRange: refuse,
    stat(path) {
      if (path === folder) return Promise.resolve({ kind: "folder", bytes: 0, modifiedMs: 0 });
      const bytes = contents.get(path);
      return Promise.resolve(bytes && { kind: "file", bytes: bytes.length, modifiedMs: 0 });
    },
    realPath(path) {
      if (path !== folder && !contents.has(path)) return Promise.reject(new UserError("The file does not exist.", { file: path }));
      return Promise.resolve(links.get(path) ?? path);
    },
    write: refuse,
    list: refuse,
    remove: refuse,
  };
}

/** The small fixture with files replaced; undefined takes one away. */
export function changedFolder(changes: Contents, links?: ReadonlyMap<string, string>): Files {
  const contents = new Map<string, Uint8Array>();
  for (const file of configFiles) {
    const content = file in changes ? changes[file] : JSON.stringify(fixtureJson("small", file));
    if (content !== undefined) contents.set(`${folder}/${file}`, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }
  return memoryFiles(contents, links);
}

/** The small fixture with settings of one file replaced. */
export function changedSettings(file: ConfigName, settings: Readonly<Record<string, unknown>>): Files {
  return changedFolder({ [file]: JSON.stringify({ ...fixtureJson("small", file), ...settings }) });
}

export async function inspectChanged(file: ConfigName, settings: Readonly<Record<string, unknown>>, roles?: RoleChoice): Promise<Model> {
  return inspectModel(changedSettings(file, settings), folder, roles);
}
