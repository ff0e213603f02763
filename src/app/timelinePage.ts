/** The built page that shows a timeline without an editor; the exporter puts the timeline into it. */
import { join } from "node:path";
import { decodeUtf8 } from "../formats/document";
import type { Files } from "../platform/files";

const mostBytes = 16 * 1024 * 1024;

/** @param scriptsFolder The folder of the built scripts: `dist`. */
export async function timelinePage(files: Files, scriptsFolder: string): Promise<string> {
  const file = join(scriptsFolder, "timeline.html");
  return decodeUtf8(await files.read(file, mostBytes), file);
}
