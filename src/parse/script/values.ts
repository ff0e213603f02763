/** What an expression of a script may be, as far as reading tells. Values stand for themselves: an alias is the same object. */
import type { LoraFact, Origin } from "./facts";
import type { PythonNode } from "./syntax";

export type Scalar = string | number | boolean | null;

/** A model in the script. What happens to it is written here while the script is followed. */
export interface Part {
  readonly class?: string;
  readonly origin: Origin;
  readonly line: number;
  /** The variable it was first kept in. */
  variable?: string;
  /** Taken from a pipeline under this name. */
  readonly takenAs?: string;
  readonly copyOf?: Part;
  /** Whether its own parameters get gradients: "partly" where some were chosen by name. */
  gradients: "all" | "partly" | "none";
  frozen?: { readonly line: number };
  lora?: LoraFact;
  /** Adapters may be frozen again with everything else. */
  loraTrains: boolean;
  trained?: { readonly line: number; readonly partly: boolean };
  /** Only an average of another's weights is kept in it. */
  averaged?: boolean;
  /** By setting, the command line argument that leaves it open. */
  readonly open: Map<string, { readonly argument?: string; readonly line: number }>;
}

/** Parameters of a part. */
export interface ParameterSet {
  readonly part: Part;
  /** "gradients": those that require gradients at that time. "some": chosen by name or module. */
  readonly only?: "gradients" | "some";
}

export interface Scope {
  readonly names: Map<string, Value>;
  readonly parent?: Scope;
}

export interface ClassValue {
  readonly kind: "class";
  readonly name: string;
  readonly bases: readonly Value[];
  readonly scope: Scope;
  readonly line: number;
  /** Annotated names, in order: what a dataclass is made with. */
  readonly fields: readonly string[];
}

export interface InstanceValue {
  readonly kind: "instance";
  /** The class's last name, e.g. "LoraConfig". */
  readonly class: string;
  readonly own?: ClassValue;
  readonly line: number;
  readonly positional: readonly Value[];
  readonly keywords: ReadonlyMap<string, Value>;
  readonly attributes: Map<string, Value>;
}

export type Value =
  /** `argument`: the command line argument whose default it is. */
  | { readonly kind: "constant"; readonly value: Scalar; readonly argument?: string }
  | { readonly kind: "unknown"; readonly argument?: string }
  | { readonly kind: "sequence"; readonly items: Value[] }
  | { readonly kind: "mapping"; readonly entries: Map<string, Value> }
  /** An imported or built-in name, e.g. "torch.float16". */
  | { readonly kind: "symbol"; readonly path: string }
  | InstanceValue
  | { readonly kind: "part"; readonly part: Part; /** A module inside. */ readonly inside?: string }
  | { readonly kind: "pipeline"; readonly class: string; readonly origin: Origin; readonly line: number; readonly open: Part["open"]; readonly parts: Map<string, Value> }
  /** `branches`: of one parameter in a loop, how many unforeseeable branches the loop itself is in. */
  | { readonly kind: "parameters"; readonly sets: readonly ParameterSet[]; readonly branches?: number }
  /** A configuration as loaded or as taken from a part. */
  | { readonly kind: "config"; readonly origin: Origin; readonly part?: Part; readonly open: Part["open"] }
  | { readonly kind: "function"; readonly node: PythonNode; readonly scope: Scope; readonly self?: Value }
  | ClassValue
  | { readonly kind: "method"; readonly receiver: Value; readonly name: string }
  /** The namespace of the command line's arguments. */
  | { readonly kind: "arguments" }
  /** One of several, as a branch decides that cannot be foreseen. */
  | { readonly kind: "choice"; readonly options: readonly Value[] };

export const unknown: Value = { kind: "unknown" };

const mostOptions = 12;

export function constant(value: Scalar, argument?: string): Value {
  return { kind: "constant", value, argument };
}

/** One of the values, without doubles; what is unknown is left out where something is known. */
export function choiceOf(values: readonly Value[]): Value {
  const options = values.flatMap((value) => (value.kind === "choice" ? value.options : [value]));
  const distinct: Value[] = [];
  for (const option of options) if (!distinct.some((other) => isSame(other, option))) distinct.push(option);
  const known = distinct.filter((option) => option.kind !== "unknown" && !(option.kind === "constant" && option.value === null));
  const kept = (known.length > 0 ? known : distinct).slice(0, mostOptions);
  return kept.length === 1 ? kept[0] : kept.length === 0 ? unknown : { kind: "choice", options: kept };
}

function isSame(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a.kind === "constant" && b.kind === "constant") return a.value === b.value;
  if (a.kind === "symbol" && b.kind === "symbol") return a.path === b.path;
  if (a.kind === "part" && b.kind === "part") return a.part === b.part && a.inside === b.inside;
  return a.kind === "unknown" && b.kind === "unknown";
}

/** Every value that this one may be. */
export function optionsOf(value: Value): readonly Value[] {
  return value.kind === "choice" ? value.options : [value];
}

/** Python's truth, where it is known. */
export function truthOf(value: Value): boolean | undefined {
  switch (value.kind) {
    case "constant":
      return Boolean(value.value);
    case "sequence":
      return value.items.length > 0;
    case "mapping":
      return value.entries.size > 0;
    case "unknown":
    case "choice":
    case "method":
    case "symbol":
      return undefined;
    default:
      return true;
  }
}

export function textOf(value: Value | undefined): string | undefined {
  return value?.kind === "constant" && typeof value.value === "string" ? value.value : undefined;
}

export function numberOf(value: Value | undefined): number | undefined {
  return value?.kind === "constant" && typeof value.value === "number" && Number.isFinite(value.value) ? value.value : undefined;
}

/** The last name of a symbol, class or choice of them. */
export function classNameOf(value: Value): string | undefined {
  if (value.kind === "symbol") return value.path.slice(value.path.lastIndexOf(".") + 1);
  return value.kind === "class" ? value.name : undefined;
}

/** Deeper than any list of parameters or setting of a model. */
const deepestValue = 32;

/** Every part that a value holds; each value is looked at once. */
export function partsIn(value: Value, seen: Set<Value> = new Set(), depth = 0): readonly ParameterSet[] {
  if (seen.has(value) || depth > deepestValue) return [];
  seen.add(value);
  const all = (values: Iterable<Value>) => [...values].flatMap((item) => partsIn(item, seen, depth + 1));
  switch (value.kind) {
    case "part":
      return [{ part: value.part, ...(value.inside !== undefined && { only: "some" as const }) }];
    case "parameters":
      return value.sets;
    case "choice":
      return all(value.options);
    case "sequence":
      return all(value.items);
    case "mapping":
      return all(value.entries.values());
    case "instance":
      return all([...value.attributes.values(), ...value.positional, ...value.keywords.values()]);
    case "pipeline":
      return all(value.parts.values());
    case "method":
      return /parameters$/.test(value.name) ? partsIn(value.receiver, seen, depth + 1) : [];
    default:
      return [];
  }
}

/** Beyond any setting of a model. */
export const mostJsonValues = 10_000;

/** As JSON: numbers, texts, lists and mappings of them. Undefined where a part of it is unknown. */
export function jsonOf(value: Value, budget: { left: number }, depth = 0): unknown {
  if (--budget.left < 0 || depth > deepestValue) return undefined;
  switch (value.kind) {
    case "constant":
      return value.value;
    case "sequence": {
      const items = value.items.map((item) => jsonOf(item, budget, depth + 1));
      return items.includes(undefined) ? undefined : items;
    }
    case "mapping": {
      const entries = [...value.entries].map(([key, item]) => [key, jsonOf(item, budget, depth + 1)] as const);
      return entries.some(([, item]) => item === undefined) ? undefined : Object.fromEntries(entries);
    }
    default:
      return undefined;
  }
}
