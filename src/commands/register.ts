/** Registers the table: trust is checked first, errors are shown to people and handed to callers. */
import * as vscode from "vscode";
import { UserError } from "../model/errors";
import { isOptions } from "./arguments";
import type { Shell } from "./shell";
import { showError } from "./showError";
import { commandTable, type CommandEntry } from "./table";

export function registerCommands(shell: Shell): vscode.Disposable {
  const entries: [string, CommandEntry][] = Object.entries(commandTable);
  return vscode.Disposable.from(...entries.map(([id, entry]) => vscode.commands.registerCommand(id, (argument: unknown) => run(shell, id, entry, argument))));
}

/** Called with an object of options (by code or a keybinding) an error is the caller's; called by hand it is shown, once. */
async function run(shell: Shell, id: string, entry: CommandEntry, argument: unknown): Promise<unknown> {
  try {
    if (entry.refusedUntrusted && !vscode.workspace.isTrusted) throw new UserError("This workspace is not trusted.", { hint: entry.refusedUntrusted });
    const handler = await entry.load();
    return await handler(shell, argument);
  } catch (error) {
    if (isOptions(argument)) throw error;
    showError(shell, id, error);
    return undefined;
  }
}
