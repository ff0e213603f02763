/** Reading and writing of the project's own JSON documents: size, encoding, syntax and schema are checked, the error names the file and the field. */
import type { z } from "zod";
import { UserError } from "../model/errors";
import type { Files } from "../platform/files";

/** A document larger than this is refused before it is parsed. */
export const maxDocumentBytes = 256 * 1024 * 1024;

export interface Format<T> {
  /** E.g. "diffusionpipe.plan/1". */
  readonly id: string;
  /** E.g. ".pipeplan.json". */
  readonly extension: string;
  readonly schema: z.ZodType<T>;
  /** Rules that a schema cannot say; returns the first violation. */
  readonly check?: (document: T) => { readonly field: string; readonly message: string } | undefined;
}

/** `a.b[3].c` for a zod path. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : `${index ? "." : ""}${String(part)}`)).join("");
}

/** @throws UserError naming `file` and, where the syntax is right, the field. */
export function parseDocument<T>(format: Format<T>, text: string, file: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`This is not JSON: ${(error as Error).message}.`, { file });
  }
  const found = typeof value === "object" && value !== null ? (value as { format?: unknown }).format : undefined;
  if (found !== format.id) {
    throw new UserError(`Expected "${format.id}", found ${JSON.stringify(found) ?? "nothing"}.`, { file, field: "format" });
  }
  const result = format.schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    const more = result.error.issues.length - 1;
    throw new UserError(`${issue.message}${more > 0 ? ` (and ${more} more)` : ""}.`, { file, field: fieldPath(issue.path) });
  }
  const violation = format.check?.(result.data);
  if (violation) throw new UserError(violation.message, { file, field: violation.field });
  return result.data;
}

/** @throws UserError for bytes that are not UTF-8, and as `parseDocument`. */
export async function readDocument<T>(format: Format<T>, files: Files, file: string): Promise<T> {
  return parseDocument(format, decodeUtf8(await files.read(file, maxDocumentBytes), file), file);
}

/** @throws UserError when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError("The file is not UTF-8 text.", { file });
  }
}

/** Two-space JSON, but arrays of numbers on one line, so that a diff of a plan reads well. A raw line break is never inside a JSON string. */
export function formatDocument(document: unknown): string {
  const text = JSON.stringify(document, null, 2);
  return `${text.replace(/\[\n\s*(-?[\d.eE+-]+(?:,\n\s*-?[\d.eE+-]+)*)\n\s*\]/g, (_, inner: string) => `[${inner.replace(/\s+/g, " ")}]`)}\n`;
}

export async function writeDocument<T>(format: Format<T>, files: Files, file: string, document: T): Promise<void> {
  await files.write(file, formatDocument(format.schema.parse(document)));
}
