/** `model_index.json`: which components a pipeline has, and of which class each is. */
import { UserError } from "../../model/errors";
import type { ConfigFile } from "./folder";

export interface ModelIndex {
  readonly file: string;
  readonly class: string;
  /** Component -> class; components that are null are left out. */
  readonly components: ReadonlyMap<string, string>;
}

/** @throws UserError naming the field. */
export function readModelIndex({ file, json }: ConfigFile): ModelIndex {
  const pipeline = json._class_name;
  if (typeof pipeline !== "string" || pipeline.length > 200) throw new UserError("Expected the name of a pipeline class.", { file, field: "_class_name" });
  const components = new Map<string, string>();
  for (const [name, entry] of Object.entries(json)) {
    if (name.startsWith("_") || !Array.isArray(entry)) continue;
    const [library, className] = entry as readonly unknown[];
    if (entry.length === 2 && library === null && className === null) continue;
    if (entry.length !== 2 || typeof library !== "string" || typeof className !== "string") throw new UserError("Expected [library, class].", { file, field: name.slice(0, 100) });
    components.set(name, className);
  }
  return { file, class: pipeline, components };
}

/** @throws UserError when the component is missing or of another class. */
export function expectComponent(index: ModelIndex, name: string, className: string): void {
  const found = index.components.get(name);
  if (found === undefined) throw new UserError(`The pipeline has no "${name}"; expected a ${className}.`, { file: index.file, field: name });
  if (found !== className) throw new UserError(`The class "${found.slice(0, 100)}" is not supported; expected ${className}.`, { file: index.file, field: name });
}
