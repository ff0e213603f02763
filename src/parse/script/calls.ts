/** Calls: of the script's own functions and classes, of a library's, of methods. */
import { chosenBy, evaluate } from "./expressions";
import type { Follower } from "./follower";
import { callLibrary } from "./library";
import { classMethod, partMethod, parametersOfInstance } from "./models";
import { returnedBy } from "./statements";
import type { PythonNode } from "./syntax";
import { builtinMethod } from "./builtins";
import { choiceOf, constant, unknown, type ClassValue, type InstanceValue, type Scope, type Value } from "./values";

/** What a call is given. */
export interface Given {
  readonly positional: readonly Value[];
  readonly keywords: ReadonlyMap<string, Value>;
  /** There may be more: a `*` or `**` of something unknown. */
  readonly hasUnknown: boolean;
  readonly line: number;
}

export function callNode(follower: Follower, node: PythonNode, scope: Scope): Value {
  const { function: called, arguments: list } = node.fields;
  if (!called) return unknown;
  const owner = called.type === "attribute" && called.fields.object ? evaluate(follower, called.fields.object, scope) : undefined;
  const given = givenIn(follower, list, scope, node.line);
  if (owner && called.fields.attribute) return callMethod(follower, owner, called.fields.attribute.text, given);
  return callValue(follower, evaluate(follower, called, scope), given);
}

function givenIn(follower: Follower, list: PythonNode | undefined, scope: Scope, line: number): Given {
  if (list?.type === "generator_expression") return { positional: [evaluate(follower, list, scope)], keywords: new Map(), hasUnknown: false, line };
  const positional: Value[] = [];
  const keywords = new Map<string, Value>();
  let hasUnknown = false;
  for (const node of list?.children ?? []) {
    const value = evaluate(follower, node.fields.value ?? (node.type.endsWith("_splat") ? node.children[0] : node), scope);
    if (node.type === "keyword_argument" && node.fields.name) keywords.set(node.fields.name.text, value);
    else if (node.type === "list_splat" && value.kind === "sequence") positional.push(...value.items);
    else if (node.type === "list_splat" && value.kind === "parameters") positional.push(value);
    else if (node.type === "dictionary_splat" && value.kind === "mapping") for (const [key, item] of value.entries) keywords.set(key, item);
    else if (node.type === "dictionary_splat" && value.kind === "instance") for (const [key, item] of value.attributes) keywords.set(key, item);
    else if (node.type.endsWith("_splat")) hasUnknown = true;
    else positional.push(value);
  }
  return { positional, keywords, hasUnknown, line };
}

export function callValue(follower: Follower, value: Value, given: Given): Value {
  switch (value.kind) {
    case "function":
      return value.node.type === "lambda" ? callLambda(follower, value, given) : callFunction(follower, value, given);
    case "class":
      return makeInstance(follower, value, given);
    case "symbol":
      return callLibrary(follower, value.path, given);
    case "method":
      return callMethod(follower, value.receiver, value.name, given);
    case "choice":
      return choiceOf(value.options.map((option) => callValue(follower, option, given)));
    default:
      return unknown;
  }
}

export function callMethod(follower: Follower, owner: Value, name: string, given: Given): Value {
  switch (owner.kind) {
    case "part":
      return partMethod(follower, owner, name, given);
    case "class":
    case "symbol":
      if (owner.kind === "class") {
        const own = memberOf(owner, name);
        if (own) return callValue(follower, own, given);
      }
      return classMethod(follower, [owner], name, given) ?? (owner.kind === "symbol" ? callLibrary(follower, `${owner.path}.${name}`, given) : unknown);
    case "choice": {
      const classes = owner.options.filter((option) => option.kind === "symbol" || option.kind === "class");
      if (classes.length === owner.options.length) {
        const made = classMethod(follower, classes, name, given);
        if (made) return made;
      }
      return choiceOf(owner.options.map((option) => callMethod(follower, option, name, given)));
    }
    case "instance": {
      const kept = owner.attributes.get(name) ?? (owner.own && memberOf(owner.own, name));
      if (kept) return callValue(follower, kept.kind === "function" && !owner.attributes.has(name) ? { ...kept, self: owner } : kept, given);
      return parametersOfInstance(follower, owner, name, given) ?? builtinMethod(follower, owner, name, given);
    }
    case "pipeline": {
      const part = owner.parts.get(name);
      return part ? callValue(follower, part, given) : name === "to" || name === "cuda" ? owner : unknown;
    }
    default:
      return builtinMethod(follower, owner, name, given);
  }
}

/** A member of a class of the script, its bases' included. */
export function memberOf(owner: ClassValue, name: string, depth = 8): Value | undefined {
  const own = owner.scope.names.get(name);
  if (own || depth === 0) return own;
  for (const base of owner.bases) {
    const found = base.kind === "class" ? memberOf(base, name, depth - 1) : undefined;
    if (found) return found;
  }
  return undefined;
}

function callLambda(follower: Follower, value: Value & { readonly kind: "function" }, given: Given): Value {
  const body = value.node.fields.body;
  if (!body) return unknown;
  const scope: Scope = { names: new Map(), parent: value.scope };
  bindParameters(follower, value.node.fields.parameters?.children ?? [], given, scope, value.scope);
  return follower.inCall(value.node, () => evaluate(follower, body, scope)) ?? unknown;
}

function callFunction(follower: Follower, value: Value & { readonly kind: "function" }, given: Given): Value {
  const { parameters, body } = value.node.fields;
  if (!body) return unknown;
  const scope: Scope = { names: new Map(), parent: value.scope };
  const withSelf = value.self ? { ...given, positional: [value.self, ...given.positional] } : given;
  bindParameters(follower, parameters?.children ?? [], withSelf, scope, value.scope);
  return follower.inCall(value.node, () => returnedBy(follower, body, scope)) ?? unknown;
}

function bindParameters(follower: Follower, parameters: readonly PythonNode[], given: Given, scope: Scope, defaults: Scope): void {
  let position = 0;
  for (const parameter of parameters) {
    if (parameter.type === "list_splat_pattern" && parameter.children[0]) {
      scope.names.set(parameter.children[0].text, { kind: "sequence", items: given.positional.slice(position) });
      position = given.positional.length;
    } else if (parameter.type === "dictionary_splat_pattern" && parameter.children[0]) {
      scope.names.set(parameter.children[0].text, { kind: "mapping", entries: new Map(given.keywords) });
    } else {
      const name = parameter.fields.name?.text ?? (parameter.type === "identifier" ? parameter.text : parameter.children.find(({ type }) => type === "identifier")?.text);
      if (name === undefined) continue;
      const passed = given.keywords.get(name) ?? given.positional[position++];
      scope.names.set(name, passed ?? (parameter.fields.value ? evaluate(follower, parameter.fields.value, defaults) : unknown));
    }
  }
}

/** An instance of a class of the script: a dataclass's fields, then what `__init__` does. */
function makeInstance(follower: Follower, own: ClassValue, given: Given): Value {
  const instance: InstanceValue = { kind: "instance", class: own.name, own, line: given.line, positional: given.positional, keywords: given.keywords, attributes: new Map() };
  const initialise = memberOf(own, "__init__");
  if (initialise?.kind === "function") callFunction(follower, { ...initialise, self: instance }, given);
  else {
    for (const field of own.fields) {
      const value = own.scope.names.get(field);
      if (value?.kind === "instance" && value.class === "field") instance.attributes.set(field, fieldDefault(follower, value));
    }
    own.fields.forEach((field, index) => {
      const value = given.keywords.get(field) ?? given.positional[index];
      if (value) instance.attributes.set(field, value);
    });
    for (const [key, value] of given.keywords) instance.attributes.set(key, value);
  }
  follower.madeInstance(own, instance);
  return instance;
}

function fieldDefault(follower: Follower, field: InstanceValue): Value {
  const factory = field.keywords.get("default_factory");
  if (factory) return callValue(follower, factory, { positional: [], keywords: new Map(), hasUnknown: false, line: field.line });
  return field.keywords.get("default") ?? unknown;
}

/** Python's `filter`. */
export function filtered(predicate: Value | undefined, over: Value | undefined): Value {
  if (!over) return unknown;
  return predicate?.kind === "function" ? chosenBy([predicate.node], over) : over;
}

export const none = constant(null);
