/** Methods of Python's own types, and of instances that nothing more is known of. */
import { filtered, none, type Given } from "./calls";
import type { Follower } from "./follower";
import { itemsOf } from "./statements";
import { choiceOf, constant, textOf, unknown, type Value } from "./values";

const mostItems = 1000;

export function builtinMethod(follower: Follower, owner: Value, name: string, given: Given): Value {
  const [first] = given.positional;
  // Accelerator and its likes: what they are given comes back wrapped.
  if (name === "prepare" || name === "prepare_model") return given.positional.length === 1 ? first : { kind: "sequence", items: [...given.positional] };
  if (name === "unwrap_model") return first ?? unknown;
  if (name === "parse_args") return { kind: "arguments" };
  if (name === "parse_known_args") return { kind: "sequence", items: [{ kind: "arguments" }, unknown] };
  if (name === "parse_args_into_dataclasses" && owner.kind === "instance") return dataclasses(owner.positional[0], given);
  switch (owner.kind) {
    case "sequence":
      return sequenceMethod(follower, owner.items, name, first);
    case "mapping":
      return mappingMethod(owner.entries, name, given);
    case "constant":
      return typeof owner.value === "string" ? textMethod(owner.value, owner.argument, name, given) : unknown;
    case "parameters":
      if (name === "requires_grad_") follower.recorder.setGradients(owner.sets, first === undefined || !(first.kind === "constant" && first.value === false), given.line, follower.branches > (owner.branches ?? follower.branches));
      return name === "requires_grad_" || name === "values" || name === "items" ? owner : unknown;
    case "arguments":
      return name === "get" && textOf(first) !== undefined ? follower.commandLine.value(textOf(first) as string) : unknown;
    default:
      return unknown;
  }
}

/** What `HfArgumentParser((A, B))` makes. */
function dataclasses(given: Value | undefined, call: Given): Value {
  const classes = given?.kind === "sequence" ? given.items : given ? [given] : [];
  const items = classes.map((value): Value => (value.kind === "class" ? instanceOf(value) : unknown));
  return { kind: "sequence", items: items.map((item) => (item.kind === "instance" ? { ...item, line: call.line } : item)) };
}

function instanceOf(own: Value & { readonly kind: "class" }): Value {
  return { kind: "instance", class: own.name, own, line: own.line, positional: [], keywords: new Map(), attributes: new Map() };
}

function sequenceMethod(follower: Follower, items: Value[], name: string, first: Value | undefined): Value {
  if (first && items.length < mostItems) {
    if (name === "append") items.push(first);
    if (name === "extend") items.push(...(first.kind === "parameters" ? [first] : itemsOf(follower, first)).slice(0, mostItems));
    if (name === "insert") items.unshift(first);
  }
  return name === "copy" ? { kind: "sequence", items: [...items] } : unknown;
}

function mappingMethod(entries: Map<string, Value>, name: string, { positional: [key, other], keywords }: Given): Value {
  switch (name) {
    case "get":
      return key?.kind === "constant" ? (entries.get(String(key.value)) ?? other ?? none) : choiceOf([...entries.values()]);
    case "values":
      return { kind: "sequence", items: [...entries.values()] };
    case "keys":
      return { kind: "sequence", items: [...entries.keys()].map((text) => constant(text)) };
    case "items":
      return { kind: "sequence", items: [...entries].map(([text, value]) => ({ kind: "sequence", items: [constant(text), value] })) };
    case "update":
      if (key?.kind === "mapping") for (const [text, value] of key.entries) entries.set(text, value);
      for (const [text, value] of keywords) entries.set(text, value);
      return none;
    default:
      return unknown;
  }
}

function textMethod(text: string, argument: string | undefined, name: string, { positional: [first, second] }: Given): Value {
  switch (name) {
    case "split":
      return { kind: "sequence", items: (first && textOf(first) ? text.split(textOf(first) as string) : text.trim().split(/\s+/)).slice(0, mostItems).map((part) => constant(part)) };
    case "strip":
      return constant(text.trim(), argument);
    case "lower":
      return constant(text.toLowerCase(), argument);
    case "upper":
      return constant(text.toUpperCase(), argument);
    case "replace":
      return textOf(first) !== undefined && textOf(second) !== undefined && text.length < 1000 ? constant(text.replaceAll(textOf(first) as string, () => textOf(second) as string).slice(0, 10_000), argument) : unknown;
    case "startswith":
      return textOf(first) !== undefined ? constant(text.startsWith(textOf(first) as string)) : unknown;
    case "endswith":
      return textOf(first) !== undefined ? constant(text.endsWith(textOf(first) as string)) : unknown;
    default:
      return unknown;
  }
}

/** Functions that Python brings along. Undefined where the name is none of them. */
export function builtinFunction(follower: Follower, name: string, given: Given): Value | undefined {
  const [first, second, third] = given.positional;
  switch (name) {
    case "list":
    case "tuple":
    case "set":
    case "sorted":
    case "reversed":
    case "iter":
      return !first ? { kind: "sequence", items: [] } : first.kind === "sequence" ? { kind: "sequence", items: [...first.items] } : first;
    case "dict":
      return { kind: "mapping", entries: new Map([...(first?.kind === "mapping" ? first.entries : []), ...given.keywords]) };
    case "int":
    case "float":
    case "str":
    case "bool":
      return first?.kind === "constant" ? converted(name, first) : unknown;
    case "len":
      return first?.kind === "sequence" ? constant(first.items.length) : unknown;
    case "range":
      return first?.kind === "constant" && typeof first.value === "number" && !second && first.value <= 64 ? { kind: "sequence", items: Array.from({ length: Math.max(0, Math.floor(first.value)) }, (_, index) => constant(index)) } : unknown;
    case "zip":
      return given.positional.every((value) => value.kind === "sequence") && first?.kind === "sequence"
        ? { kind: "sequence", items: first.items.map((_, index) => ({ kind: "sequence", items: given.positional.map((value) => (value.kind === "sequence" ? (value.items[index] ?? unknown) : unknown)) })) }
        : unknown;
    case "enumerate":
      return first?.kind === "sequence" ? { kind: "sequence", items: first.items.map((item, index) => ({ kind: "sequence", items: [constant(index), item] })) } : (first ?? unknown);
    case "filter":
      return filtered(first, second);
    case "vars":
      return first ?? unknown;
    case "getattr":
      return first?.kind === "arguments" && textOf(second) !== undefined && follower.commandLine.argument(textOf(second) as string) ? follower.commandLine.value(textOf(second) as string) : first?.kind === "instance" ? (first.attributes.get(textOf(second) ?? "") ?? third ?? unknown) : (third ?? unknown);
    default:
      return undefined;
  }
}

function converted(name: string, { value, argument }: Value & { readonly kind: "constant" }): Value {
  if (name === "str") return constant(String(value), argument);
  if (name === "bool") return constant(Boolean(value), argument);
  const number = Number(value);
  return value === null || !Number.isFinite(number) ? unknown : constant(name === "int" ? Math.trunc(number) : number, argument);
}
