/** This machine's own bash. */
import { UserError } from "../../model/errors";
import type { Processes } from "../../platform/process";
import { callShell, type Shell } from "./shell";

/** @throws UserError on Windows, which has no bash of its own. */
export function localShell(processes: Processes, platform: NodeJS.Platform = process.platform): Shell {
  if (platform === "win32") {
    throw new UserError("Training on this machine needs Linux.", { hint: "Open the workspace in WSL, or use a target of kind ssh." });
  }
  const shell = { label: "this machine", argv: ["bash", "-s"] };
  return { ...shell, run: (script, call = {}) => callShell(processes, shell, script, call, () => undefined), close: async () => {} };
}
