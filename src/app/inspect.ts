/** Use-case: what is in a model folder. */
import { resolve } from "node:path";
import type { InspectedLayer, Inspection } from "../model/inspection";
import type { BoundLayer, Model } from "../model/model";
import type { Bindings } from "../model/profile";
import type { TraceClass } from "../parse/pipelines";
import { readModel } from "../parse/read";
import type { ModelChoice } from "../model/choice";
import type { Files } from "../platform/files";
import { answersTo } from "./answers";

/** @param path What holds the model: a training script, else see `readModel`. @param trace For classes that no family describes. @throws UserError naming file and field. */
export async function inspectModel(files: Files, path: string, choice: ModelChoice = {}, trace?: TraceClass): Promise<Model> {
  const whole = resolve(path);
  const isScript = whole.endsWith(".py");
  // Answers that are kept elsewhere are a part of the choice: the profile keeps them.
  const answers = { ...(isScript && answersTo(whole)), ...choice.answers };
  const given = Object.keys(answers).length > 0 ? { ...choice, answers } : choice;
  const model = await (isScript ? (await import("./scripts")).inspectScript(files, whole, given) : readModel(files, whole, given, trace));
  const made = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ModelChoice;
  return Object.keys(made).length === 0 ? model : { ...model, bind: (bindings) => ({ ...model.bind(bindings), choice: made }) };
}

/** The model's own size with what is asked for in its place. */
export function bindingsOf(model: Model, asked: Partial<Bindings>): Bindings {
  return { ...model.defaultBindings, ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)) };
}

/** @param bindings What is left out is the model's default. @throws UserError when the bindings do not fit the model. */
export function inspectDocument(model: Model, bindings: Partial<Bindings> = {}): Inspection {
  const bound = model.bind(bindingsOf(model, bindings));
  return {
    model: { path: model.path, sha256: model.sha256, class: model.class },
    components: bound.components.map((component) => ({ ...component, layers: component.layers.map(figuresOf) })),
    chains: bound.chains,
    predictionType: model.predictionType,
    bindings: bound.bindings,
    tensors: bound.tensors,
  };
}

function figuresOf({ graph: _graph, backward: _backward, operators: _operators, ...figures }: BoundLayer): InspectedLayer {
  return figures;
}
