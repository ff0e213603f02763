/** `Files` on the local disk. */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { mkdir, open, readdir, realpath, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../model/errors";
import type { Files } from "./files";

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** @throws UserError when there is no regular file that can be read. */
async function openFile(path: string): Promise<{ readonly handle: FileHandle; readonly info: Stats }> {
  let handle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (isMissing(error)) throw new UserError("The file does not exist.", { file: path });
    throw new UserError(`The file cannot be read (${(error as NodeJS.ErrnoException).code}).`, { file: path });
  }
  const info = await handle.stat();
  if (info.isFile()) return { handle, info };
  await handle.close();
  throw new UserError("This is not a regular file.", { file: path });
}

export const nodeFiles: Files = {
  async read(path, maxBytes) {
    const { handle, info } = await openFile(path);
    try {
      if (info.size > maxBytes) throw new UserError(`The file has ${info.size} bytes; at most ${maxBytes} are read.`, { file: path });
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  },
  async readRange(path, offset, length) {
    const { handle } = await openFile(path);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  },
  async write(path, data) {
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      await writeFile(temporary, data);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  },
  async stat(path) {
    try {
      const info = await stat(path);
      if (!info.isFile() && !info.isDirectory()) return undefined;
      return { kind: info.isFile() ? "file" : "folder", bytes: info.size, modifiedMs: info.mtimeMs };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async realPath(path) {
    try {
      return await realpath(path);
    } catch (error) {
      if (isMissing(error)) throw new UserError("The file does not exist.", { file: path });
      throw new UserError(`The path cannot be resolved (${(error as NodeJS.ErrnoException).code}).`, { file: path });
    }
  },
  async list(folder) {
    try {
      return (await readdir(folder)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  async remove(path) {
    await rm(path, { recursive: true, force: true });
  },
};
