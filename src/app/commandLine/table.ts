/** Every command by name. */
import type { Command } from "./command";
import { compareCommand } from "./compare";
import { exportCommand } from "./export";
import { inspectCommand } from "./inspect";
import { planCommand } from "./plan";
import { profileCommand } from "./profile";
import { compileCommand, simulateCommand } from "./simulate";

export const commands: Readonly<Record<string, Command>> = {
  inspect: inspectCommand,
  profile: profileCommand,
  plan: planCommand,
  simulate: simulateCommand,
  compare: compareCommand,
  compile: compileCommand,
  export: exportCommand,
};
