/** Brings a run's results here: listed, then read in slices of bounded size, whole or not there. */
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../model/errors";
import { listResults, readSlices } from "./scripts";
import type { Shell } from "./shell";
import type { CallOptions } from "./target";
import { profileResult } from "./work";

/** What a run leaves behind, below its folder. */
const results = ["output", "metrics.jsonl", "status.json", "measured.timeline.json", "program.json", profileResult, "log", "exit"];
const sliceBytes = 32 * 1024 * 1024;
/** Arguments travel with the script, so a call takes only so many. */
const slicesPerCall = 200;
const maxFiles = 100_000;

export interface Slice {
  readonly path: string;
  readonly from: number;
  readonly length: number;
}

/** @throws UserError for a name that would be written outside the folder. */
export function readListing(text: string): readonly { readonly path: string; readonly bytes: number }[] {
  const entries = text.split("\0").filter((entry) => entry !== "");
  if (entries.length > maxFiles) throw new UserError(`The run holds more than ${maxFiles} files.`);
  return entries.map((entry) => {
    const space = entry.indexOf(" ");
    const path = entry.slice(space + 1);
    const bytes = Number(entry.slice(0, space));
    const parts = path.split("/");
    if (!Number.isSafeInteger(bytes) || parts.some((part) => part === "" || part === "." || part === "..") || /[\\:]/.test(path)) {
      throw new UserError(`The target offers a file that cannot be kept: ${JSON.stringify(path)}.`);
    }
    return { path, bytes };
  });
}

/** Groups of slices that cover every file in order, each group of bounded size and number. */
export function planSlices(files: readonly { readonly path: string; readonly bytes: number }[], groupBytes = sliceBytes, groupSlices = slicesPerCall): readonly (readonly Slice[])[] {
  const groups: Slice[][] = [];
  let room = 0;
  for (const { path, bytes } of files) {
    let from = 0;
    do {
      const last = groups.at(-1);
      if (!last || room === 0 || last.length === groupSlices) {
        groups.push([]);
        room = groupBytes;
      }
      const length = Math.min(room, bytes - from);
      groups.at(-1)?.push({ path, from, length });
      from += length;
      room -= length;
    } while (from < bytes);
  }
  return groups;
}

export async function fetchResults(shell: Shell, folder: string, runId: string, into: string, options: CallOptions & { readonly extra?: Readonly<Record<string, Uint8Array>> }): Promise<{ files: number; bytes: number }> {
  if (await stat(into).catch(() => undefined)) throw new UserError("There is something here already.", { file: into, hint: "Choose a new folder for the results." });
  const { signal } = options;
  const listing = readListing(Buffer.from(await shell.run(listResults, { arguments: [folder, runId, ...results], signal })).toString("utf8"));
  if (listing.length === 0) throw new UserError(`The run ${runId} has left nothing yet.`);
  const bytes = listing.reduce((sum, file) => sum + file.bytes, 0);
  const temporary = `${into}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    let done = 0;
    for (const group of planSlices(listing)) {
      options.onStep?.(`Fetching ${done} of ${bytes} bytes`);
      const data = await shell.run(readSlices, { arguments: [folder, runId, ...group.flatMap((slice) => [slice.path, String(slice.from), String(slice.length)])], signal });
      if (data.length !== group.reduce((sum, slice) => sum + slice.length, 0)) throw new UserError(`A file of ${runId} became shorter while it was fetched.`, { hint: "Fetch again when the run has ended." });
      await writeSlices(temporary, group, data);
      done += data.length;
    }
    for (const [name, content] of Object.entries(options.extra ?? {})) await writeFile(join(temporary, name), content);
    await rename(temporary, into);
    return { files: listing.length, bytes };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function writeSlices(folder: string, slices: readonly Slice[], data: Uint8Array): Promise<void> {
  let at = 0;
  for (const { path, from, length } of slices) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, from === 0 ? "w" : "r+");
    try {
      for (let done = 0; done < length;) done += (await handle.write(data, at + done, length - done, from + done)).bytesWritten;
    } finally {
      await handle.close();
    }
    at += length;
  }
}
