/** Every command by name. */
import type { Command } from "./command";
import { exportCommand } from "./export";
import { inspectCommand } from "./inspect";

export const commands: Readonly<Record<string, Command>> = {
  inspect: inspectCommand,
  export: exportCommand,
};
