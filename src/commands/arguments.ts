/**
 * What a command was called with: nothing (palette), a resource (explorer), a tree's node, or an object of options, as a
 * keybinding, a test or another extension gives it.
 */
import * as vscode from "vscode";
import type { z } from "zod";
import { UserError } from "../model/errors";

/** A node of one of our trees: what its context menu acts on. */
export interface Subject {
  /** A file or folder on disk, or the id of a run. */
  readonly subject: string;
}

function isSubject(argument: unknown): argument is Subject {
  return typeof argument === "object" && argument !== null && typeof (argument as Partial<Subject>).subject === "string";
}

export function isOptions(argument: unknown): boolean {
  return typeof argument === "object" && argument !== null && !(argument instanceof vscode.Uri) && !isSubject(argument);
}

/** @param subjectKey The option that a resource or a node stands for. @throws UserError for options that are not this command's. */
export function optionsOf<T extends object>(schema: z.ZodType<T>, subjectKey: keyof T & string, argument: unknown): T {
  if (argument instanceof vscode.Uri) return schema.parse({ [subjectKey]: localPath(argument) });
  if (isSubject(argument)) return schema.parse({ [subjectKey]: argument.subject });
  const result = schema.safeParse(argument ?? {});
  if (!result.success) throw new UserError(`The command's options are wrong: ${result.error.issues[0].message}.`, { field: result.error.issues[0].path.join(".") });
  return result.data;
}

/** @throws UserError for a file that is not on the extension host's disk. */
export function localPath(uri: vscode.Uri): string {
  if (uri.scheme !== "file") throw new UserError(`${uri.toString(true)} is not on this machine's disk.`, { hint: "Copy the folder to the disk first." });
  return uri.fsPath;
}
