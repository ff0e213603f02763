import { basename, dirname, resolve } from "node:path";

/** A model is named by its folder or by the model_index.json in it. */
export function modelFolder(path: string): string {
  const whole = resolve(path);
  return basename(whole) === "model_index.json" ? dirname(whole) : whole;
}
