/** A training script's facts: its text is parsed and followed, never run. */
import { UserError } from "../../model/errors";
import { nameOfVariable, usualName } from "./classes";
import type { Fact, OpenQuestion, Origin, ScriptComponent, ScriptFacts } from "./facts";
import { Follower } from "./follower";
import type { PythonParser } from "./syntax";
import { numberOf, type Part, type Value } from "./values";

/** Longer than any training script; what is longer is something else. */
export const maxScriptBytes = 200_000;

export interface ScriptReading {
  /** Path for messages. */
  readonly file?: string;
  /** What was asked: by `OpenQuestion.what`. Any argument of the command line may be answered. */
  readonly answers?: Readonly<Record<string, string>>;
}

/** @throws UserError with the line where the text is not Python. */
export function readScript(text: string, parser: PythonParser, { file = "script", answers = {} }: ScriptReading = {}): ScriptFacts {
  if (text.length > maxScriptBytes) throw new UserError(`The script has ${text.length} characters; at most ${maxScriptBytes} are read.`, { file });
  const follower = new Follower(parser.parse(text, file), answers);
  follower.follow();
  return factsOf(follower, text, answers);
}

function factsOf(follower: Follower, text: string, answers: Readonly<Record<string, string>>): ScriptFacts {
  const { recorder, commandLine } = follower;
  const names = nameParts(recorder.parts.filter((part) => !part.averaged && (part.origin.kind !== "own" || part.trained)));
  const nameOf = (part: Part | undefined) => (part && names.get(part)) ?? "unet";
  const open: OpenQuestion[] = [];
  const ask = (question: Omit<OpenQuestion, "suggestion"> & { readonly suggestion?: string }) => {
    if (Object.hasOwn(answers, question.what) || open.some(({ what }) => what === question.what)) return;
    const line = commandLine.argument(question.what)?.line ?? question.line;
    open.push({ ...question, line, suggestion: question.suggestion ?? (question.kind === "model" ? suggestedModel(text, question.what) : undefined) });
  };
  const components = [...names].map(([part, name]): ScriptComponent => {
    for (const [key, { argument, line }] of part.open) {
      const isPlace = key === "id" || key === "path";
      ask({ what: argument ?? (isPlace ? name : `${name}.${key}`), kind: isPlace ? "model" : "setting", line, needed: true });
    }
    if (part.lora && part.trained && part.lora.rank === undefined) ask({ what: `${name}.rank`, kind: "setting", line: part.lora.line, suggestion: "4", needed: true });
    return {
      name,
      class: part.class,
      origin: answered(originOf(part, nameOf), name, answers),
      line: part.line,
      ...(part.frozen && { frozen: part.frozen }),
      ...(part.trained && { trained: part.trained }),
      ...(part.lora && { lora: { ...part.lora, rank: part.lora.rank ?? rankAnswered(answers[`${name}.rank`]) } }),
    };
  });
  const whole = components.length === 0 ? recorder.pipelines.filter(({ origin }) => origin.kind !== "settings") : [];
  for (const { open: missing } of whole.slice(0, 1)) for (const { argument, line } of missing.values()) ask({ what: argument ?? "pipeline", kind: "model", line, needed: true });
  for (const question of recorder.open) ask(question);
  return {
    components,
    pipelines: recorder.pipelines.map(({ class: className, origin, line, parts }) => ({
      class: className,
      origin: answered(origin, "pipeline", answers),
      line,
      taken: [...parts].flatMap(([name, value]) => (value.kind === "part" && value.part.takenAs === name ? [name] : [])),
    })),
    optimizers: recorder.optimizers.map(({ parts, ...optimizer }) => ({ ...optimizer, components: [...parts].flatMap((part) => names.get(part) ?? []) })),
    resolution: recorder.resolution ?? squareOf(namedNumber(follower, "resolution", "image_size", "img_size", "size")),
    batchSize: recorder.batchSize ? { value: recorder.batchSize.value, line: recorder.batchSize.line } : namedNumber(follower, "train_batch_size", "batch_size"),
    gradientAccumulation: recorder.gradientAccumulation,
    precision: precisionOf(follower, answers),
    predictionType: recorder.predictionType,
    ...(recorder.ema && { ema: recorder.ema }),
    open,
    notes: recorder.notes,
  };
}

/** Two parts of one name are alternatives of one variable, or a second model that keeps its variable's name. */
function nameParts(parts: readonly Part[]): Map<Part, string> {
  const names = new Map<Part, string>();
  const taken = new Map<string, Part>();
  const rank = (part: Part) => (part.trained ? 0 : part.copyOf && part.origin.kind !== "controlNetOf" ? 3 : part.open.size > 0 ? 2 : 1);
  for (const part of [...parts].sort((a, b) => rank(a) - rank(b))) {
    const name = usualNameOf(part);
    const other = taken.get(name);
    if (!other) {
      taken.set(name, part);
      names.set(part, name);
    } else if (part.variable !== undefined && part.variable !== other.variable && !taken.has(part.variable)) {
      taken.set(part.variable, part);
      names.set(part, part.variable);
    }
  }
  return new Map(parts.flatMap((part) => (names.has(part) ? [[part, names.get(part) as string] as const] : [])));
}

function usualNameOf(part: Part): string {
  if (part.takenAs !== undefined) return part.takenAs;
  const subfolder = part.origin.kind === "pretrained" ? part.origin.subfolder?.split("/").at(-1) : undefined;
  if (subfolder && /^\w{1,60}$/.test(subfolder) && !part.copyOf) return subfolder;
  const byClass = part.class === undefined ? undefined : usualName(part.class);
  const byVariable = part.variable === undefined ? undefined : nameOfVariable(part.variable);
  // `text_encoder_two` says more than that it is a CLIPTextModel.
  if (byClass && byVariable?.startsWith(byClass)) return byVariable;
  return byClass ?? byVariable ?? "model";
}

function originOf(part: Part, nameOf: (part: Part | undefined) => string): Origin {
  if (part.origin.kind === "controlNetOf") return { ...part.origin, of: nameOf(part.copyOf) };
  return part.copyOf && part.copyOf.origin !== part.origin ? { kind: "copy", of: nameOf(part.copyOf) } : part.origin;
}

/** Answers that no argument of the command line stands for: a model's place, or a setting as JSON. */
function answered(origin: Origin, name: string, answers: Readonly<Record<string, string>>): Origin {
  if (origin.kind === "pretrained" && origin.id === undefined && Object.hasOwn(answers, name)) return { ...origin, id: answers[name] };
  if (origin.kind === "singleFile" && origin.path === undefined && Object.hasOwn(answers, name)) return { ...origin, path: answers[name] };
  if (origin.kind !== "settings") return origin;
  const given = Object.entries(answers).filter(([what]) => what.startsWith(`${name}.`)).map(([what, answer]) => [what.slice(name.length + 1), jsonAnswer(answer)] as const);
  return given.length === 0 ? origin : { kind: "settings", settings: { ...origin.settings, ...Object.fromEntries(given) } };
}

function rankAnswered(answer: string | undefined): number | undefined {
  const rank = Number(answer);
  return Number.isSafeInteger(rank) && rank > 0 ? rank : undefined;
}

function jsonAnswer(answer: string): unknown {
  try {
    return JSON.parse(answer) as unknown;
  } catch {
    return answer;
  }
}

/** What the script's own text says of an argument, such as a command in a comment; else the first id that looks like a model's. */
function suggestedModel(text: string, argument: string): string | undefined {
  const escaped = argument.replace(/[^\w]/g, "");
  const said = new RegExp(`--${escaped}[= ]+["']?([\\w./-]{3,150})`).exec(text)?.[1];
  if (said) return said;
  return /["'`]([\w-]{1,60}\/[\w.-]*(?:diffusion|sdxl|flux|ddpm|pixart|unet|sd-)[\w.-]{0,60})["'`]/i.exec(text)?.[1];
}

/** An Accelerator says it; what it leaves to `accelerate config` is not guessed from casts. */
function precisionOf({ recorder }: Follower, answers: Readonly<Record<string, string>>): ScriptFacts["precision"] {
  const asked = recorder.open.find(({ kind }) => kind === "precision");
  if (recorder.precision || !asked) return recorder.precision ?? recorder.castPrecision;
  return answers[asked.what] === "no" ? { value: "fp32", line: asked.line } : undefined;
}

/** A number that the command line, a class of settings, a dictionary or a constant has under one of these names. */
function namedNumber(follower: Follower, ...names: readonly string[]): Fact<number> | undefined {
  const declared = follower.commandLine.numberNamed(...names);
  if (declared) return declared;
  for (const name of names) {
    for (const [key, value] of follower.module.names) {
      const found = numberOf(key.toLowerCase() === name ? value : memberNamed(value, name));
      if (found !== undefined) return { value: found, line: "line" in value ? value.line : 1 };
    }
  }
  return undefined;
}

function memberNamed(value: Value, name: string): Value | undefined {
  if (value.kind === "class") return value.scope.names.get(name);
  if (value.kind === "instance") return value.attributes.get(name) ?? value.own?.scope.names.get(name);
  return value.kind === "mapping" ? value.entries.get(name) : undefined;
}

function squareOf(side: Fact<number> | undefined): ScriptFacts["resolution"] {
  return side && { value: { height: side.value, width: side.value }, line: side.line };
}
