/** Every command by name. */
import type { Command } from "./command";
import { exportCommand } from "./export";
import { inspectCommand } from "./inspect";
import { profileCommand } from "./profile";

export const commands: Readonly<Record<string, Command>> = {
  inspect: inspectCommand,
  profile: profileCommand,
  export: exportCommand,
};
