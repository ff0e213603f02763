/** How a script makes models, and what it does to them. */
import type { Given } from "./calls";
import { isPipelineClass, isSchedulerClass, loadsModel } from "./classes";
import type { Origin } from "./facts";
import type { Follower } from "./follower";
import { loraOf } from "./lora";
import { choiceOf, classNameOf, jsonOf, mostJsonValues, optionsOf, partsIn, textOf, unknown, type InstanceValue, type Part, type Value } from "./values";

type Open = Part["open"];

/** `X.from_pretrained` and its likes. @param owners The class, or the classes that it may be. @returns Undefined for any other method. */
export function classMethod(follower: Follower, owners: readonly Value[], name: string, given: Given): Value | undefined {
  const names = [...new Set(owners.flatMap((owner) => classNameOf(owner) ?? []))];
  const className = names.length === 1 ? names[0] : undefined;
  switch (name) {
    case "from_pretrained":
      return fromPretrained(follower, names, className, given);
    case "from_single_file":
    case "from_ckpt":
      return fromSingleFile(follower, className, given);
    case "load_config":
    case "get_config":
      return { kind: "config", ...pretrained(given) };
    case "from_config":
      return fromConfig(follower, className, given);
    case "from_unet":
    case "from_transformer":
      return fromOther(follower, className, given);
    default:
      return undefined;
  }
}

function fromPretrained(follower: Follower, names: readonly string[], className: string | undefined, given: Given): Value {
  if (names.some(isSchedulerClass)) return scheduler(className ?? "", pretrained(given), given);
  if (names.some((name) => name.endsWith("Config"))) return { kind: "config", ...pretrained(given) };
  if (names.some(isPipelineClass)) return pipeline(follower, className ?? names[0], pretrained(given), given);
  if (!names.some(loadsModel)) return { kind: "instance", class: className ?? "", line: given.line, positional: [], keywords: new Map(), attributes: new Map() };
  const { origin, open } = pretrained(given);
  return { kind: "part", part: follower.recorder.part({ class: className === "AutoModel" ? undefined : className, origin, line: given.line, open }) };
}

/** The id or path, with the command line argument that leaves it open. */
function pretrained(given: Given): { readonly origin: Origin; readonly open: Open } {
  const source = given.positional[0] ?? given.keywords.get("pretrained_model_name_or_path") ?? unknown;
  const open: Open = new Map();
  const options = optionsOf(source).filter((option) => textOf(option) !== undefined);
  const id = options.length > 0 ? textOf(options[0]) : undefined;
  if (id === undefined) open.set("id", { argument: "argument" in source ? source.argument : undefined, line: given.line });
  return { origin: { kind: "pretrained", id, subfolder: textOf(given.keywords.get("subfolder")), revision: textOf(given.keywords.get("revision")) }, open };
}

function fromSingleFile(follower: Follower, className: string | undefined, given: Given): Value {
  const source = given.positional[0] ?? given.keywords.get("pretrained_model_link_or_path") ?? unknown;
  const path = textOf(source);
  const open: Open = new Map(path === undefined ? [["path", { argument: "argument" in source ? source.argument : undefined, line: given.line }]] : []);
  const origin: Origin = { kind: "singleFile", path };
  if (className && isPipelineClass(className)) return pipeline(follower, className, { origin, open }, given);
  return { kind: "part", part: follower.recorder.part({ class: className, origin, line: given.line, open }) };
}

/** From `load_config(...)`, another model's `.config`, a mapping, or an id. */
function fromConfig(follower: Follower, className: string | undefined, given: Given): Value {
  const source = given.positional[0] ?? given.keywords.get("config") ?? unknown;
  if (className && isSchedulerClass(className)) return scheduler(className, { origin: { kind: "settings", settings: {} }, open: new Map() }, given);
  const make = (origin: Origin, open: Open, copyOf?: Part) => ({ kind: "part" as const, part: follower.recorder.part({ class: className ?? copyOf?.class, origin, line: given.line, open, copyOf }) });
  const config = optionsOf(source).find((option) => option.kind === "config");
  if (config?.kind === "config") return make(config.part?.origin ?? config.origin, config.part?.open ?? config.open, config.part);
  if (source.kind === "mapping" || source.kind === "instance") {
    const { settings, open } = settingsOf(follower, source.kind === "mapping" ? source.entries : source.attributes, given);
    return make({ kind: "settings", settings }, open);
  }
  const { origin, open } = pretrained(given);
  return make(origin, open);
}

/** A ControlNet has its UNet's settings. */
function fromOther(follower: Follower, className: string | undefined, given: Given): Value {
  const other = optionsOf(given.positional[0] ?? given.keywords.get("unet") ?? given.keywords.get("transformer") ?? unknown).find((option) => option.kind === "part");
  if (other?.kind !== "part") return unknown;
  const { settings } = settingsOf(follower, given.keywords, given);
  return { kind: "part", part: follower.recorder.part({ class: className, origin: { kind: "controlNetOf", of: "", settings }, copyOf: other.part, line: given.line }) };
}

/** Settings that are known, as JSON; the others are open. */
export function settingsOf(follower: Follower, keywords: ReadonlyMap<string, Value>, { line, hasUnknown }: Given): { readonly settings: Record<string, unknown>; readonly open: Open } {
  const settings: Record<string, unknown> = {};
  const open: Open = new Map();
  const budget = { left: mostJsonValues };
  for (const [key, value] of keywords) {
    const json = jsonOf(value, budget);
    if (json === undefined) {
      if (!["part", "config", "symbol", "instance"].includes(value.kind)) open.set(key, { argument: "argument" in value ? value.argument : undefined, line });
    } else Object.defineProperty(settings, key, { value: json, enumerable: true, writable: true, configurable: true });
  }
  if (hasUnknown) open.set("settings", { line });
  follower.spend(mostJsonValues - budget.left);
  return { settings, open };
}

function scheduler(className: string, { origin, open }: { readonly origin: Origin; readonly open: Open }, given: Given): Value {
  return { kind: "instance", class: className, line: given.line, positional: [], keywords: given.keywords, attributes: new Map<string, Value>([["config", { kind: "config", origin, open }]]) };
}

function pipeline(follower: Follower, className: string, { origin, open }: { readonly origin: Origin; readonly open: Open }, given: Given): Value {
  const made = { kind: "pipeline", class: className, origin, open, line: given.line, parts: new Map([...given.keywords].filter(([, value]) => value.kind === "part")) } as const;
  if (follower.recorder.pipelines.length < 100) follower.recorder.pipelines.push(made);
  return made;
}

const valuesOfParts = new Set(["dtype", "device", "training", "in_channels", "num_parameters"]);
/** Names under which wrappers keep what they wrap. */
const wrapped = new Set(["module", "_orig_mod", "model", "base_model"]);

export function attributeOf(follower: Follower, owner: Value, name: string, line: number): Value {
  switch (owner.kind) {
    case "symbol":
      return { kind: "symbol", path: `${owner.path}.${name}` };
    case "arguments":
      return name === "__dict__" ? owner : follower.commandLine.value(name);
    case "part":
      if (wrapped.has(name)) return owner;
      if (name === "config") return { kind: "config", origin: owner.part.origin, part: owner.part, open: owner.part.open };
      if (name === "attn_processors") return { kind: "parameters", sets: [{ part: owner.part, only: "some" }] };
      if (valuesOfParts.has(name)) return unknown;
      return partMethods.has(name) ? { kind: "method", receiver: owner, name } : { ...owner, inside: owner.inside === undefined ? name : `${owner.inside}.${name}` };
    case "pipeline":
      return takenFrom(follower, owner, name, line);
    case "instance":
      return owner.attributes.get(name) ?? (owner.own ? memberOrMethod(owner, name) : (owner.keywords.get(name) ?? { kind: "method", receiver: owner, name }));
    case "class":
      return owner.scope.names.get(name) ?? { kind: "method", receiver: owner, name };
    case "mapping":
      return owner.entries.get(name) ?? { kind: "method", receiver: owner, name };
    case "choice":
      return choiceOf(owner.options.map((option) => attributeOf(follower, option, name, line)));
    case "parameters":
    case "sequence":
      return { kind: "method", receiver: owner, name };
    default:
      return unknown;
  }
}

function memberOrMethod(owner: InstanceValue, name: string): Value {
  for (let own: Value | undefined = owner.own, depth = 0; own?.kind === "class" && depth < 8; own = own.bases.find((base) => base.kind === "class"), depth++) {
    const member = own.scope.names.get(name);
    if (member) return member.kind === "function" ? { ...member, self: owner } : member;
  }
  return { kind: "method", receiver: owner, name };
}

/** A component of a pipeline that was loaded whole. */
function takenFrom(follower: Follower, owner: Value & { readonly kind: "pipeline" }, name: string, line: number): Value {
  const kept = owner.parts.get(name);
  if (kept) return kept;
  if (!/^(?:unet|transformer|vae|vqvae|text_encoder|image_encoder|controlnet|prior|adapter)(?:_\d)?$/.test(name)) return unknown;
  const part: Value = { kind: "part", part: follower.recorder.part({ origin: within(owner.origin, name), line, open: new Map(owner.open), takenAs: name }) };
  owner.parts.set(name, part);
  return part;
}

function within(origin: Origin, name: string): Origin {
  return origin.kind === "pretrained" ? { ...origin, subfolder: name } : origin;
}

const partMethods = new Set(["parameters", "named_parameters", "requires_grad_", "add_adapter", "to", "eval", "train", "cuda", "half", "float", "bfloat16", "state_dict"]);

export function partMethod(follower: Follower, owner: Value & { readonly kind: "part" }, name: string, given: Given): Value {
  const set = { part: owner.part, ...(owner.inside !== undefined && { only: "some" as const }) };
  switch (name) {
    case "parameters":
    case "named_parameters":
    case "get_trainable_parameters":
    case "trainable_parameters":
      return { kind: "parameters", sets: [set] };
    case "modules":
    case "named_modules":
    case "children":
    case "named_children":
      return { kind: "parameters", sets: [{ ...set, only: "some" }] };
    case "requires_grad_": {
      const [on] = [given.positional[0] ?? given.keywords.get("requires_grad")];
      follower.recorder.setGradients([set], !(on?.kind === "constant" && on.value === false), given.line);
      return owner;
    }
    case "add_adapter": {
      const config = given.positional.find((value) => value.kind === "instance") ?? given.keywords.get("adapter_config") ?? given.keywords.get("peft_config");
      follower.recorder.adapt(owner.part, loraOf(config, given.line));
      return unknown;
    }
    case "set_attn_processor":
      if (given.positional[0] && isLoraProcessors(given.positional[0])) follower.recorder.adapt(owner.part, loraOf(undefined, given.line));
      return unknown;
    case "to":
      castTo(follower, [...given.positional, ...given.keywords.values()], given.line);
      return owner;
    case "eval":
    case "train":
    case "cuda":
    case "half":
    case "float":
    case "bfloat16":
    case "compile":
      return owner;
    case "get_input_embeddings":
      return { ...owner, inside: "embeddings" };
    default:
      return unknown;
  }
}

function isLoraProcessors(value: Value): boolean {
  return [value, ...(value.kind === "mapping" ? value.entries.values() : [])].some((item) => item.kind === "instance" && /LoRA.*Processor/.test(item.class));
}

/** Without an Accelerator, the type that a model is cast to is the precision. */
function castTo(follower: Follower, given: readonly Value[], line: number): void {
  for (const value of given) {
    const found = value.kind === "symbol" ? precisionNamed(value.path) : undefined;
    if (found && found !== "fp32") follower.recorder.castPrecision ??= { value: found, line };
  }
}

export function precisionNamed(name: string): "fp32" | "fp16" | "bf16" | "fp8" | undefined {
  const known = { no: "fp32", fp32: "fp32", float32: "fp32", float: "fp32", fp16: "fp16", float16: "fp16", half: "fp16", bf16: "bf16", bfloat16: "bf16", fp8: "fp8" } as const;
  const last = name.slice(name.lastIndexOf(".") + 1);
  return Object.hasOwn(known, last) ? known[last as keyof typeof known] : undefined;
}

/** `.parameters()` of an instance that is not a library's model: those of the models in it, or a model of the script's own. */
export function parametersOfInstance(follower: Follower, owner: InstanceValue, name: string, given: Given): Value | undefined {
  if (name !== "parameters" && name !== "named_parameters" && name !== "requires_grad_" && !(name === "to" || name === "train" || name === "eval" || name === "cuda")) return undefined;
  if (name === "to" || name === "train" || name === "eval" || name === "cuda") return owner;
  if (/(?:Pipeline|Accelerator|Parser|Scheduler|Optimizer|Dataset|Loader|Model(?:Checkpoint)|EMA\w*)$/.test(owner.class)) return undefined;
  const inside = partsIn({ ...owner, positional: [], keywords: new Map() });
  const sets = inside.length > 0 ? inside : [{ part: ownModel(follower, owner) }];
  if (name === "requires_grad_") {
    const on = given.positional[0];
    follower.recorder.setGradients(sets, !(on?.kind === "constant" && on.value === false), given.line);
    return owner;
  }
  return { kind: "parameters", sets };
}

const ownKey = "<model>";

function ownModel(follower: Follower, owner: InstanceValue): Part {
  const kept = owner.attributes.get(ownKey);
  if (kept?.kind === "part") return kept.part;
  const { open } = settingsOf(follower, owner.keywords, { positional: [], keywords: owner.keywords, hasUnknown: false, line: owner.line });
  const part = follower.recorder.part({ class: owner.class, origin: { kind: "own" }, line: owner.line, open });
  owner.attributes.set(ownKey, { kind: "part", part });
  return part;
}

