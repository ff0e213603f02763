/** The local Hugging Face cache: `models--ORGANISATION--NAME/refs/REVISION` names a commit, `snapshots/COMMIT` holds its files as links to `blobs`. Nothing is downloaded. */
import { isAbsolute, join, relative, sep } from "node:path";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";

/** As the Hub allows them: letters, digits, "-", "_" and ".", with at most one slash. */
const idPattern = /^(?:[A-Za-z0-9_][\w.-]{0,95}\/)?[A-Za-z0-9_][\w.-]{0,95}$/;
const commitPattern = /^[0-9a-f]{40}$/;
const revisionPattern = /^[\w][\w.-]{0,99}(?:\/[\w][\w.-]{0,99}){0,4}$/;
const maxRefBytes = 1000;

/**
 * Where the cache is, by the environment's variables as huggingface_hub reads them.
 * @param home The user's home folder.
 */
export function hubCacheFolder(environment: Readonly<Record<string, string | undefined>>, home: string): string {
  const expand = (path: string) => (path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path);
  const named = environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE;
  if (named) return expand(named);
  if (environment.HF_HOME) return join(expand(environment.HF_HOME), "hub");
  return join(expand(environment.XDG_CACHE_HOME || join(home, ".cache")), "huggingface", "hub");
}

export function isHubId(id: string): boolean {
  return idPattern.test(id) && !id.includes("..") && !id.includes("--");
}

/**
 * @param revision A branch, a tag or a commit.
 * @returns Folder of the snapshot.
 * @throws UserError for an id that cannot be one, and for one that is not in the cache, with the command that brings it there.
 */
export async function findHubModel(files: Files, cacheFolder: string, id: string, revision = "main"): Promise<string> {
  if (!isHubId(id)) throw new UserError(`"${id.slice(0, 200)}" is neither a folder nor the id of a model on the Hugging Face Hub.`, { hint: "Expected a path, or an id such as organisation/name." });
  if (!revisionPattern.test(revision) || revision.includes("..")) throw new UserError(`"${revision.slice(0, 100)}" cannot be a revision of ${id}.`, { hint: "Expected a branch, a tag or a commit." });
  const repository = join(cacheFolder, `models--${id.replace("/", "--")}`);
  const missing = (what: string) =>
    new UserError(`${what} is not in the local Hugging Face cache.`, {
      file: repository,
      hint: `Run: huggingface-cli download ${id} --include "*.json"${revision === "main" ? "" : ` --revision ${revision}`}`,
    });
  if ((await files.stat(repository))?.kind !== "folder") throw missing(id);
  const commit = commitPattern.test(revision) ? revision : await readRef(files, join(repository, "refs", ...revision.split("/")));
  if (commit === undefined) throw missing(`Revision "${revision}" of ${id}`);
  const snapshot = join(repository, "snapshots", commit);
  if ((await files.stat(snapshot))?.kind !== "folder") throw missing(`Commit ${commit} of ${id}`);
  return snapshot;
}

async function readRef(files: Files, file: string): Promise<string | undefined> {
  if (!(await files.stat(file))) return undefined;
  const commit = new TextDecoder().decode(await files.read(file, maxRefBytes)).trim();
  if (!commitPattern.test(commit)) throw new UserError("Expected a commit: 40 hexadecimal digits.", { file });
  return commit;
}

/** Ids of the models in the cache, sorted. */
export async function cachedModels(files: Files, cacheFolder: string): Promise<readonly string[]> {
  const names = await files.list(cacheFolder);
  return names.filter((name) => name.startsWith("models--")).map((name) => name.slice("models--".length).replace("--", "/")).filter(isHubId);
}

/**
 * Whether a file that a snapshot's link leads to is a blob of the same repository of the cache, which is how snapshots are made.
 * @param folder Real path of the folder being read: a snapshot or a folder in it.
 * @param file Real path of the file.
 */
export function isBlobOfSnapshot(folder: string, file: string): boolean {
  const parts = folder.split(sep);
  const at = parts.findLastIndex((part, index) => part === "snapshots" && parts[index - 1]?.startsWith("models--") && commitPattern.test(parts[index + 1] ?? ""));
  if (at < 0) return false;
  const inside = relative([...parts.slice(0, at), "blobs"].join(sep), file);
  return inside !== "" && inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
