/** Shows a model's components and layers in the model view. */
import * as vscode from "vscode";
import { z } from "zod";
import { UserError } from "../model/errors";
import { isOptions, optionsOf } from "./arguments";
import { chosenModel } from "./modelFolder";
import type { Handler } from "./shell";

const options = z.strictObject({
  model: z.string().optional(),
  train: z.array(z.string()).optional(),
  freeze: z.array(z.string()).optional(),
  /** What a training script leaves open, by name. */
  answers: z.record(z.string(), z.string()).optional(),
});

/** @returns The document that `diffusionpipe inspect --json` prints. */
export const inspectModelCommand: Handler = async (shell, argument) => {
  const { model, train, freeze, answers } = optionsOf(options, "model", argument);
  const path = await chosenModel(shell, vscode.l10n.t("Inspect Model"), argument, model, answers);
  try {
    return await shell.showModel(path, train || freeze ? { train, freeze } : undefined);
  } catch (error) {
    if (error instanceof UserError && !isOptions(argument)) return undefined; // the view says it
    throw error;
  }
};
