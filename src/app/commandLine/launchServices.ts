/** What launching needs, for the command line. */
import { join } from "node:path";
import { nodeFiles } from "../../platform/nodeFiles";
import { nodeProcesses } from "../../platform/nodeProcess";
import { userStateFolder } from "../../platform/stateFolder";
import type { LaunchServices } from "../launch";

export function launchServices(): LaunchServices {
  return {
    files: nodeFiles,
    processes: nodeProcesses,
    runsFolder: join(userStateFolder(), "runs"),
    // Beside the bundle: dist/cli.js and src/trainer ship together.
    trainerFolder: join(__dirname, "..", "src", "trainer"),
    localPython: process.env.DIFFUSIONPIPE_PYTHON,
  };
}
