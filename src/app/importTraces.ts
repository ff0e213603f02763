/** Use-case: traces of PyTorch's profiler as a measured timeline document. */
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { decodeUtf8 } from "../formats/document";
import { UserError } from "../model/errors";
import type { Files } from "../platform/files";
import { formatMs } from "../timeline/layout/format";
import { importTraces, type Imported, type ImportOptions } from "../timeline/import/pytorch";
import { readTrace, type TraceFile } from "../timeline/import/traceFile";

/** Of one file, unpacked. */
export const mostTraceBytes = 400 * 1024 * 1024;
const mostFiles = 4096;

/** Reads one trace for each rank, or one of several ranks; `.gz` is unpacked. @throws UserError naming file and field of what is wrong. */
export async function openTraces(files: Files, paths: readonly string[], options: ImportOptions = {}): Promise<Imported> {
  if (paths.length > mostFiles) throw new UserError(`${paths.length} traces are too many; at most ${mostFiles} are read.`);
  const traces: TraceFile[] = [];
  for (const path of paths) traces.push(readTrace(decodeUtf8(unpacked(await files.read(path, mostTraceBytes), path), path), path));
  return importTraces(traces, options);
}

function unpacked(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: mostTraceBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw new UserError(`Unpacked, the file has more than ${mostTraceBytes} bytes.`, { file });
    throw new UserError("The file cannot be unpacked: it is not whole, or not gzip.", { file });
  }
}

const mostNames = 5;

/** What could not be placed, in a sentence; undefined where everything was. */
export function notPlacedText({ notPlaced }: Imported): string | undefined {
  if (notPlaced.length === 0) return undefined;
  const named = notPlaced.slice(0, mostNames).map(({ name, count, ms }) => `${name} (${count}×, ${formatMs(ms)})`);
  const more = notPlaced.length - named.length;
  return `Not placed: ${named.join(", ")}${more > 0 ? ` and ${more} more ${more === 1 ? "name" : "names"}` : ""}.`;
}

/** "4 ranks, iterations 3–7, 128 operations". */
export function importedText({ timeline: { devices, operations } }: Imported): string {
  const iterations = operations.map(({ iteration }) => iteration);
  const [first, last] = [iterations.reduce((a, b) => Math.min(a, b)), iterations.reduce((a, b) => Math.max(a, b))];
  return `${devices.length} ${devices.length === 1 ? "rank" : "ranks"}, ${first === last ? `iteration ${first}` : `iterations ${first}–${last}`}, ${operations.length} operations`;
}

/** What a timeline of these traces is called: the first one's name without its rank and endings. */
export function traceName(paths: readonly string[]): string {
  const name = basename(paths[0]).replace(/\.gz$/i, "").replace(/\.json$/i, "").replace(/\.(pt\.)?trace$/i, "").replace(/[._-]?rank[._-]?\d+/i, "");
  return name === "" ? "trace" : name;
}
