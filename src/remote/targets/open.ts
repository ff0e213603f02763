/** The launch target of a place. New kinds are added here. */
import { UserError } from "../../model/errors";
import type { Processes } from "../../platform/process";
import { localShell } from "./local";
import { shellTarget } from "./shellTarget";
import { sshShell } from "./ssh";
import type { LaunchTarget, RunPlace } from "./target";

/** Close it after use: it may hold a connection open. @throws UserError for kinds that cannot be launched on. */
export function openTarget(processes: Processes, place: Omit<RunPlace, "runId">): LaunchTarget {
  if (place.kind === "local") return shellTarget(localShell(processes), place);
  if (place.kind === "ssh" && place.ssh) return shellTarget(sshShell(processes, place.ssh), place);
  throw new UserError(`Runs on a "${place.kind}" target are not supported yet.`, { hint: "Use local or ssh." });
}
