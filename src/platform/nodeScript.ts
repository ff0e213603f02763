/** How a script of our own is started, from the command line and from VS Code's extension host alike. */

export interface ScriptCommand {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Settings that would attach a debugger to the process, or start an editor in place of Node. */
const unwanted = ["NODE_OPTIONS", "VSCODE_INSPECTOR_OPTIONS", "ELECTRON_NO_ATTACH_CONSOLE"];

/** The program that runs this very process, told to be Node where it is VS Code's Electron. */
export function nodeScript(path: string, args: readonly string[] = []): ScriptCommand {
  const environment: Record<string, string | undefined> = { ...process.env, ELECTRON_RUN_AS_NODE: "1" };
  for (const name of unwanted) delete environment[name];
  return { argv: [process.execPath, path, ...args], environment };
}
