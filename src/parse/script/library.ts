/** Functions and classes that come from outside the script, by their names. */
import { builtinFunction } from "./builtins";
import type { Given } from "./calls";
import { isOptimizer, isPipelineClass, makesModel, wrapsModel } from "./classes";
import type { Follower } from "./follower";
import { loraOf } from "./lora";
import { precisionNamed, settingsOf } from "./models";
import { constant, numberOf, optionsOf, partsIn, textOf, truthOf, unknown, type Value } from "./values";

export function callLibrary(follower: Follower, path: string, given: Given): Value {
  const name = path.slice(path.lastIndexOf(".") + 1);
  const builtin = path.includes(".") ? undefined : builtinFunction(follower, path, given);
  if (builtin) return builtin;
  if (isOptimizer(path)) return makeOptimizer(follower, name, given);
  if (makesModel(path)) return makeModel(follower, name, given);
  const [first] = given.positional;
  switch (name) {
    case "chain":
    case "from_iterable":
      return { kind: "sequence", items: [...given.positional] };
    case "cast_training_params":
      return unknown;
    case "deepcopy":
    case "copy":
      return first?.kind === "part" ? { kind: "part", part: follower.recorder.part({ class: first.part.class, origin: first.part.origin, line: given.line, copyOf: first.part, open: first.part.open }) } : (first ?? unknown);
    case "get_peft_model":
    case "inject_adapter_in_model":
      return adapted(follower, name === "get_peft_model" ? given.positional[0] : given.positional[1], name === "get_peft_model" ? given.positional[1] : given.positional[0], given);
    case "join":
      return /(?:^|\.)path\.join$/.test(path) ? joinedPath(given.positional) : unknown;
    case "Path":
    case "expanduser":
    case "abspath":
    case "cast":
    case "create":
    case "EasyDict":
    case "Munch":
      return first ?? (given.keywords.size > 0 ? { kind: "mapping", entries: new Map(given.keywords) } : unknown);
    case "SimpleNamespace":
    case "Namespace":
    case "ConfigDict":
      return { kind: "mapping", entries: new Map(given.keywords) };
    case "cli":
    case "parse":
      return first?.kind === "class" ? { kind: "instance", class: first.name, own: first, line: given.line, positional: [], keywords: new Map(), attributes: new Map() } : unknown;
    case "get":
    case "getenv":
      return /environ\.get$|getenv$/.test(path) ? (given.positional[1] ?? unknown) : unknown;
    case "notebook_launcher":
    case "spawn":
    case "launch":
      return first ? follower.launched(first, given) : unknown;
    case "parse_args":
      return { kind: "arguments" };
    default:
      break;
  }
  record(follower, name, given);
  if (first?.kind === "part" && wrapsModel(name)) return first;
  if (/^freeze/.test(name)) for (const value of given.positional) follower.recorder.setGradients(partsIn(value), false, given.line);
  return /^[A-Z]/.test(name) || name === "field"
    ? { kind: "instance", class: /^(?:diffusers|transformers|torch|peft|accelerate)\b/.test(path) || !path.includes(".") || name === "field" ? name : `${path.slice(0, -name.length - 1)}:${name}`, line: given.line, positional: given.positional, keywords: given.keywords, attributes: new Map() }
    : unknown;
}

function makeOptimizer(follower: Follower, name: string, given: Given): Value {
  const parameters = given.positional[0] ?? given.keywords.get("params") ?? given.keywords.get("model_params") ?? unknown;
  const groups = parameters.kind === "sequence" ? parameters.items : [parameters];
  const rates = [given.keywords.get("lr"), ...groups.map((group) => (group.kind === "mapping" ? group.entries.get("lr") : undefined)), given.positional[1]];
  follower.recorder.optimizer(name, partsIn(parameters), rates.map(numberOf).find((rate) => rate !== undefined), given.line);
  return { kind: "instance", class: name, line: given.line, positional: [], keywords: new Map(), attributes: new Map() };
}

/** A library's model from settings in the code: keywords, or a configuration object's. */
function makeModel(follower: Follower, name: string, given: Given): Value {
  const [config] = given.positional;
  if (config?.kind === "config") return { kind: "part", part: follower.recorder.part({ class: name, origin: config.part?.origin ?? config.origin, line: given.line, open: config.part?.open ?? config.open }) };
  const keywords = config?.kind === "instance" ? config.keywords : given.keywords;
  const { settings, open } = settingsOf(follower, keywords, { ...given, hasUnknown: given.hasUnknown || (config !== undefined && config.kind !== "instance") });
  return { kind: "part", part: follower.recorder.part({ class: name, origin: { kind: "settings", settings }, line: given.line, open }) };
}

function adapted(follower: Follower, model: Value | undefined, config: Value | undefined, given: Given): Value {
  for (const { part } of model ? partsIn(model) : []) follower.recorder.adapt(part, loraOf(config, given.line));
  return model ?? unknown;
}

function joinedPath(parts: readonly Value[]): Value {
  const texts = parts.map(textOf);
  return texts.includes(undefined) ? unknown : constant(texts.join("/"));
}

/** What a call says of the training: sizes, batches, precision, averages. */
function record(follower: Follower, name: string, given: Given): void {
  const { recorder } = follower;
  const { line, keywords } = given;
  switch (name) {
    case "Accelerator": {
      const accumulation = numberOf(keywords.get("gradient_accumulation_steps"));
      if (accumulation !== undefined) recorder.gradientAccumulation ??= { value: accumulation, line };
      const precision = keywords.get("mixed_precision");
      const named = precision && optionsOf(precision).map(textOf).find((text) => text !== undefined);
      const found = named === undefined ? undefined : precisionNamed(named);
      if (found) recorder.precision ??= { value: found, line };
      else recorder.open.push({ what: (precision && "argument" in precision ? precision.argument : undefined) ?? "mixed_precision", kind: "precision", line, suggestion: "no", needed: false });
      return;
    }
    case "autocast": {
      const type = [...given.positional, ...keywords.values()].flatMap(optionsOf).flatMap((value) => (value.kind === "symbol" ? (precisionNamed(value.path) ?? []) : []))[0];
      if (type) recorder.castPrecision ??= { value: type, line };
      return;
    }
    case "DataLoader": {
      const size = numberOf(keywords.get("batch_size") ?? given.positional[1]);
      const shuffled = truthOf(keywords.get("shuffle") ?? constant(false)) !== false;
      if (size !== undefined && Number.isInteger(size) && size > 0 && (!recorder.batchSize || (shuffled && !recorder.batchSize.shuffled))) recorder.batchSize = { value: size, line, shuffled };
      return;
    }
    case "Resize":
    case "CenterCrop":
    case "RandomCrop":
    case "RandomResizedCrop":
      recorder.resolution ??= resolutionOf(given);
      return;
    case "EMAModel":
    case "EMA":
    case "AveragedModel":
      if (given.positional[0]) recorder.averaged(given.positional[0], line);
      return;
    default:
      if (name.endsWith("Scheduler")) {
        const type = textOf(keywords.get("prediction_type"));
        if (type !== undefined) recorder.predictionType ??= { value: type, line };
      }
  }
  if (isPipelineClass(name) && recorder.pipelines.length < 100) {
    const parts = new Map([...keywords].filter(([, value]) => value.kind === "part"));
    recorder.pipelines.push({ kind: "pipeline", class: name, origin: { kind: "settings", settings: {} }, line, open: new Map(), parts });
  }
}

function resolutionOf({ positional: [first, second], keywords, line }: Given) {
  const size = first ?? keywords.get("size");
  const pair = size?.kind === "sequence" ? size.items : [size, numberOf(second) === undefined ? size : second];
  const [height, width] = [numberOf(keywords.get("height")) ?? numberOf(pair[0]), numberOf(keywords.get("width")) ?? numberOf(pair[1] ?? pair[0])];
  const fits = (value: number | undefined) => value !== undefined && Number.isInteger(value) && value > 0;
  return fits(height) && fits(width) ? { value: { height: height as number, width: width as number }, line } : undefined;
}
