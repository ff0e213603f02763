/** Shows the runs in their view. */
import * as vscode from "vscode";
import { z } from "zod";
import { listRuns } from "../app/runs";
import { optionsOf } from "./arguments";
import { runServices } from "./runServices";
import type { Handler } from "./shell";

const options = z.strictObject({ id: z.string().optional() });

/** @returns The runs, newest first, each with what its target says where it has not ended. */
export const showRunsCommand: Handler = async (shell, argument) => {
  optionsOf(options, "id", argument);
  const entries = await listRuns(runServices());
  shell.refresh();
  await vscode.commands.executeCommand("diffusionpipe.runs.focus");
  return entries;
};
