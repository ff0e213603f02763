/** Every command by name. */
import type { Command } from "./command";
import { cancelCommand } from "./cancel";
import { compareCommand } from "./compare";
import { exportCommand } from "./export";
import { fetchCommand } from "./fetch";
import { importCommand } from "./import";
import { inspectCommand } from "./inspect";
import { launchCommand } from "./launch";
import { logsCommand } from "./logs";
import { planCommand } from "./plan";
import { profileCommand } from "./profile";
import { resumeCommand } from "./resume";
import { runsCommand } from "./runs";
import { compileCommand, simulateCommand } from "./simulate";

export const commands: Readonly<Record<string, Command>> = {
  inspect: inspectCommand,
  profile: profileCommand,
  plan: planCommand,
  simulate: simulateCommand,
  compare: compareCommand,
  compile: compileCommand,
  export: exportCommand,
  import: importCommand,
  launch: launchCommand,
  runs: runsCommand,
  logs: logsCommand,
  cancel: cancelCommand,
  resume: resumeCommand,
  fetch: fetchCommand,
};
