/** The model that a training script trains, with the roles that the script gives its parts. */
import { decodeUtf8 } from "../../formats/document";
import { UserError } from "../../model/errors";
import type { Model } from "../../model/model";
import type { Files } from "../../platform/files";
import { readPipeline } from "../pipelines";
import type { LoraChoice, ModelChoice } from "../../model/choice";
import type { OpenQuestion, ScriptComponent, ScriptFacts } from "./facts";
import { maxScriptBytes, readScript } from "./read";
import { ScriptSource, trainingComponents } from "./source";
import type { PythonParser } from "./syntax";

export interface ScriptEnvironment {
  readonly parser: PythonParser;
  /** The Hugging Face cache, by which ids of the Hub are resolved. */
  readonly hubFolder: string;
  /** By `OpenQuestion.what`, or by any argument of the script's command line. */
  readonly answers?: Readonly<Record<string, string>>;
}

/** @throws UserError for a file that is not Python, with the line. */
export async function readScriptFacts(files: Files, path: string, { parser, answers }: Pick<ScriptEnvironment, "parser" | "answers">): Promise<ScriptFacts> {
  return readScript(decodeUtf8(await files.read(path, maxScriptBytes), path), parser, { file: path, answers });
}

/**
 * @param choice The user's: it goes before what the script says.
 * @throws UserError with the line and the first question where the script leaves open what the model is, and for a model that is neither a folder nor in the cache.
 */
export async function readScriptModel(files: Files, path: string, choice: ModelChoice, environment: ScriptEnvironment): Promise<Model> {
  const text = decodeUtf8(await files.read(path, maxScriptBytes), path);
  const facts = readScript(text, environment.parser, { file: path, answers: environment.answers });
  const question = facts.open.find(({ needed }) => needed);
  if (question) throw openError(path, question);
  const source = new ScriptSource({ files, file: path, hubFolder: environment.hubFolder }, facts, `${text}\n${JSON.stringify(environment.answers ?? {})}\n`);
  const model = await readPipeline(source, path, choiceOf(facts, choice));
  return atResolution(model, facts);
}

function openError(file: string, { what, line, suggestion, kind }: OpenQuestion): UserError {
  const example = suggestion ?? (kind === "model" ? "ORGANISATION/NAME" : "VALUE");
  return new UserError(`The script leaves open ${kind === "model" ? "which model it loads" : "a setting"}: ${what}.`, { file, field: `line ${line}`, hint: `Answer it, on the command line with --answer ${what}=${example}.` });
}

const backbone = /UNet|Transformer|ControlNet|DiT|Prior/;

/** Roles as the script gives them, changed by the user's. Frozen by itself is what no optimizer gets. */
export function choiceOf(facts: ScriptFacts, { train = [], freeze = [], lora, selfConditioning }: ModelChoice): ModelChoice {
  const components = trainingComponents(facts);
  const trained = components.filter((component) => component.trained);
  const isFree = ({ name }: ScriptComponent) => !train.includes(name) && !freeze.includes(name);
  const adapted = lora ?? Object.fromEntries(trained.flatMap((component) => (component.lora && isFree(component) ? [[component.name, loraChoice(component.lora)]] : [])));
  const whole = trained.filter((component) => !component.lora && isFree(component)).map(({ name }) => name);
  const still = trained.length === 0 ? [] : components.filter((component) => !component.trained && isFree(component) && backbone.test(component.class ?? component.name)).map(({ name }) => name);
  return {
    train: [...train, ...whole.filter((name) => !(name in adapted))],
    freeze: [...freeze, ...still.filter((name) => !(name in adapted))],
    ...(Object.keys(adapted).length > 0 && { lora: adapted }),
    ...(selfConditioning !== undefined && { selfConditioning }),
  };
}

function loraChoice({ rank = 4, alpha, targetModules }: NonNullable<ScriptComponent["lora"]>): LoraChoice {
  return { rank, ...(alpha !== undefined && { alpha }), targetModules };
}

/** The script's picture size in place of the configuration's, where the model takes it. */
function atResolution(model: Model, { resolution }: ScriptFacts): Model {
  const { height, width } = resolution?.value ?? model.defaultBindings;
  if (height === model.defaultBindings.height && width === model.defaultBindings.width) return model;
  const defaultBindings = { ...model.defaultBindings, height, width };
  try {
    model.bind(defaultBindings);
  } catch (error) {
    if (error instanceof UserError) return model;
    throw error;
  }
  return { ...model, defaultBindings };
}
