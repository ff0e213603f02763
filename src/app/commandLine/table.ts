/** Every command by name. */
import type { Command } from "./command";
import { exportCommand } from "./export";

export const commands: Readonly<Record<string, Command>> = {
  export: exportCommand,
};
