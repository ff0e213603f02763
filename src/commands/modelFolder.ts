/** Which model a command acts on. */
import { basename, dirname, resolve } from "node:path";
import { isOptions } from "./arguments";
import type { Answers } from "../app/answers";
import { pickModel } from "./pick";
import type { Shell } from "./shell";

/** A model is named by its folder, by the model_index.json in it, or by a file that is one: a script, weights, an export. */
export function modelFolder(path: string): string {
  const whole = resolve(path);
  return basename(whole) === "model_index.json" ? dirname(whole) : whole;
}

/**
 * The model given or picked. Of a script, what it leaves open is asked where a person called, and has been answered where code did.
 * @param argument What the command was called with. @throws Cancelled
 */
export async function chosenModel(shell: Shell, title: string, argument: unknown, given: string | undefined, answers?: Answers): Promise<string> {
  return readyModel(shell, modelFolder(given ?? (await pickModel(title))), argument, answers);
}

/** As `chosenModel`, for a path that is known. */
export async function readyModel(shell: Shell, path: string, argument: unknown, answers?: Answers): Promise<string> {
  if (!path.endsWith(".py")) return path;
  if (answers) await shell.answers.remember(path, answers);
  if (!isOptions(argument)) await (await import("./askScript")).askScript(shell, path);
  return path;
}
