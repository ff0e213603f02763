/** `model_index.json`: which components a pipeline has, and of which class each is. */
import { UserError } from "../../model/errors";
import type { ConfigFile, ModelIndex } from "../source";

/** @throws UserError naming the field. */
export function readModelIndex({ file, json }: ConfigFile): ModelIndex {
  const pipeline = json._class_name;
  if (typeof pipeline !== "string" || pipeline.length > 200) throw new UserError("Expected the name of a pipeline class.", { file, field: "_class_name" });
  const components = new Map<string, string>();
  const libraries = new Map<string, string>();
  for (const [name, entry] of Object.entries(json)) {
    if (name.startsWith("_") || !Array.isArray(entry)) continue;
    const [library, className] = entry as readonly unknown[];
    if (entry.length === 2 && library === null && className === null) continue;
    if (entry.length !== 2 || typeof library !== "string" || typeof className !== "string") throw new UserError("Expected [library, class].", { file, field: name.slice(0, 100) });
    components.set(name, className);
    libraries.set(name, library);
  }
  return { file, class: pipeline, components, libraries };
}
