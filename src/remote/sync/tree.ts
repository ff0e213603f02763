/** A folder as data: which files, how large, with what content. Equal folders have equal hashes wherever they lie. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { Cancelled, UserError } from "../../model/errors";

export interface TreeFile {
  /** Relative, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Tree {
  /** Absolute path of the folder on this machine. */
  readonly source: string;
  /** Of the sorted paths and contents; the source does not matter. */
  readonly sha256: string;
  readonly bytes: number;
  readonly files: readonly TreeFile[];
}

/** More files than this are not a model, a program or a data set that a launch should copy. */
const maxFiles = 1_000_000;

/** Of a folder's files (relative paths), those that are sent. */
export type Select = (paths: readonly string[]) => readonly string[];

export function treeHash(files: readonly TreeFile[]): string {
  const hash = createHash("sha256");
  for (const { path, sha256 } of files) hash.update(`${JSON.stringify(path)} ${sha256}\n`);
  return hash.digest("hex");
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/**
 * What `select` takes of the files in `source`, sorted. Hidden files and Python's caches are left out.
 * @throws UserError for a missing folder, a link that leads out of it, too many files or none.
 */
export async function scanTree(source: string, select: Select, options: { readonly signal?: AbortSignal } = {}): Promise<Tree> {
  let root: string;
  try {
    root = await realpath(source);
    if (!(await stat(root)).isDirectory()) throw new UserError("This is not a folder.", { file: source });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError("The folder does not exist.", { file: source });
  }
  const sizes = new Map<string, number>();
  await walk({ root, source, sizes, signal: options.signal }, "", new Set([root]));
  const paths = select([...sizes.keys()].sort());
  if (paths.length === 0) throw new UserError("The folder holds nothing to send.", { file: source });
  const files: TreeFile[] = [];
  for (const path of paths) {
    if (options.signal?.aborted) throw new Cancelled();
    files.push({ path, bytes: sizes.get(path) ?? 0, sha256: await hashFile(join(root, path)) });
  }
  return { source: root, sha256: treeHash(files), bytes: files.reduce((sum, file) => sum + file.bytes, 0), files };
}

interface Walk {
  readonly root: string;
  readonly source: string;
  readonly sizes: Map<string, number>;
  readonly signal?: AbortSignal;
}

async function walk(state: Walk, prefix: string, above: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(join(state.root, prefix))) {
    if (state.signal?.aborted) throw new Cancelled();
    if (name.startsWith(".") || name === "__pycache__") continue;
    const path = prefix ? `${prefix}/${name}` : name;
    const real = await resolveInside(state.root, path, state.source);
    const info = await stat(real);
    if (info.isDirectory()) {
      // A link to a folder that holds it would never end.
      if (!above.has(real)) await walk(state, path, new Set([...above, real]));
    } else if (info.isFile()) {
      state.sizes.set(path, info.size);
      if (state.sizes.size > maxFiles) throw new UserError(`The folder holds more than ${maxFiles} files.`, { file: state.source });
    }
  }
}

/** Where `path` really lies. @throws UserError when a link leads out of the folder or nowhere. */
async function resolveInside(root: string, path: string, source: string): Promise<string> {
  const full = join(root, path);
  if (!(await lstat(full)).isSymbolicLink()) return full;
  let real;
  try {
    real = await realpath(full);
  } catch {
    throw new UserError("The link leads nowhere.", { file: join(source, path) });
  }
  if (real !== root && !real.startsWith(root + sep)) {
    throw new UserError("The link leads out of the folder, so it is not sent.", { file: join(source, path), hint: "Put a copy in its place (cp -rL makes one of the whole folder)." });
  }
  return real;
}
