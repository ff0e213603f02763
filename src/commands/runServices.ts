/** What launching and runs need, with the interpreter that the settings name for this machine. */
import * as vscode from "vscode";
import { launchServices } from "../app/commandLine/launchServices";
import type { LaunchServices } from "../app/launch";

export function runServices(): LaunchServices {
  const services = launchServices();
  return { ...services, localPython: vscode.workspace.getConfiguration("diffusionpipe").get("python", "") || services.localPython };
}
