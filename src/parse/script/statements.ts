/** Statements, in order: what they bind, and which of them end their block. */
import { evaluate } from "./expressions";
import type { Follower } from "./follower";
import type { PythonNode } from "./syntax";
import { choiceOf, constant, truthOf, unknown, type ClassValue, type Scope, type Value } from "./values";

/** "end": what follows in the block is not reached. */
type Completion = "go" | "end";

/** Where a function's `return` statements put their values. */
const returned = "return";
const mostIterations = 64;

export function executeBlock(follower: Follower, block: PythonNode, scope: Scope): Completion {
  for (const statement of block.children) {
    if (!follower.step()) return "end";
    if (execute(follower, statement, scope) === "end") return "end";
  }
  return "go";
}

/** @returns What a function's body returns, as far as it is known. */
export function returnedBy(follower: Follower, body: PythonNode, scope: Scope): Value {
  const completion = executeBlock(follower, body, scope);
  const value = scope.names.get(returned);
  if (value === undefined) return constant(null);
  return completion === "end" ? value : choiceOf([value, constant(null)]);
}

function execute(follower: Follower, node: PythonNode, scope: Scope): Completion {
  const { fields } = node;
  switch (node.type) {
    case "expression_statement":
      for (const child of node.children) evaluate(follower, child, scope);
      return "go";
    case "import_statement":
    case "import_from_statement":
      importNames(node, scope);
      return "go";
    case "if_statement":
      return executeIf(follower, node, scope);
    case "for_statement":
      executeFor(follower, node, scope);
      return "go";
    case "while_statement":
      if (fields.condition) evaluate(follower, fields.condition, scope);
      if (fields.body) executeBlock(follower, fields.body, scope);
      return "go";
    case "with_statement":
      return executeWith(follower, node, scope);
    case "try_statement":
      return executeTry(follower, node, scope);
    case "function_definition":
      if (fields.name) scope.names.set(fields.name.text, { kind: "function", node, scope });
      return "go";
    case "class_definition":
      defineClass(follower, node, scope);
      return "go";
    case "decorated_definition":
      return fields.definition ? execute(follower, fields.definition, scope) : "go";
    case "return_statement": {
      const value = node.children[0] ? evaluate(follower, node.children[0], scope) : constant(null);
      const before = scope.names.get(returned);
      scope.names.set(returned, before ? choiceOf([before, value]) : value);
      return "end";
    }
    case "match_statement":
      branch(follower, scope, (fields.body?.children ?? []).map((clause) => () => (clause.fields.consequence ? executeBlock(follower, clause.fields.consequence, scope) : "go")));
      return "go";
    case "raise_statement":
    case "continue_statement":
    case "break_statement":
      return "end";
    default:
      return "go";
  }
}

/** Binds what is on the left of an assignment, a loop or a `with`. */
export function bind(follower: Follower, target: PythonNode, value: Value, scope: Scope): void {
  switch (target.type) {
    case "identifier":
      nameParts(value, target.text);
      scope.names.set(target.text, value);
      return;
    case "pattern_list":
    case "tuple_pattern":
    case "list_pattern":
    case "tuple":
    case "expression_list":
      bindMany(follower, target.children, value, scope);
      return;
    case "attribute":
      bindAttribute(follower, target, value, scope);
      return;
    case "subscript": {
      const container = target.fields.value && evaluate(follower, target.fields.value, scope);
      const key = target.fields.subscript && evaluate(follower, target.fields.subscript, scope);
      if (container?.kind === "mapping" && key?.kind === "constant") container.entries.set(String(key.value), value);
      else if (container?.kind === "arguments" && key?.kind === "constant") follower.commandLine.assign(String(key.value), value);
      return;
    }
    default:
      for (const child of target.children) bind(follower, child, value, scope);
  }
}

function bindMany(follower: Follower, targets: readonly PythonNode[], value: Value, scope: Scope): void {
  const options = value.kind === "choice" ? value.options.filter((option) => option.kind === "sequence") : [value];
  const splat = targets.findIndex(({ type }) => type === "list_splat_pattern");
  targets.forEach((target, index) => {
    const items = options.map((option): Value => {
      // Of (name, parameter) pairs each part stands for the parameters.
      if (option.kind === "parameters") return option;
      if (option.kind !== "sequence") return unknown;
      const after = targets.length - index - 1;
      if (index === splat) return { kind: "sequence", items: option.items.slice(index, option.items.length - after) };
      return option.items.at(splat >= 0 && index > splat ? -after - 1 : index) ?? unknown;
    });
    bind(follower, target, choiceOf(items), scope);
  });
}

function bindAttribute(follower: Follower, target: PythonNode, value: Value, scope: Scope): void {
  const { object, attribute } = target.fields;
  if (!object || !attribute) return;
  const owner = evaluate(follower, object, scope);
  if (owner.kind === "arguments") follower.commandLine.assign(attribute.text, value);
  else if (owner.kind === "instance") {
    nameParts(value, attribute.text);
    owner.attributes.set(attribute.text, value);
  } else if (owner.kind === "pipeline") owner.parts.set(attribute.text, value);
  else if (owner.kind === "parameters" && attribute.text === "requires_grad" && value.kind === "constant") {
    follower.recorder.setGradients(owner.sets, Boolean(value.value), target.line, follower.branches > (owner.branches ?? follower.branches));
  }
}

function nameParts(value: Value, name: string): void {
  if (value.kind === "part" && value.inside === undefined) value.part.variable ??= name;
}

function importNames(node: PythonNode, scope: Scope): void {
  const from = node.fields.module_name;
  for (const child of node.children) {
    if (child === from) continue;
    const imported = child.type === "aliased_import" ? child.fields.name : child;
    if (!imported || (imported.type !== "dotted_name" && imported.type !== "identifier")) continue;
    const alias = child.type === "aliased_import" ? child.fields.alias?.text : undefined;
    const path = from ? `${from.text}.${imported.text}` : imported.text;
    const name = alias ?? (from ? imported.text : imported.text.split(".")[0]);
    scope.names.set(name, { kind: "symbol", path: alias || from ? path : name });
  }
}

function executeIf(follower: Follower, node: PythonNode, scope: Scope): Completion {
  const clauses = [node, ...node.children.filter(({ type }) => type === "elif_clause" || type === "else_clause")];
  const open: (() => Completion)[] = [];
  for (const clause of clauses) {
    const body = clause.type === "else_clause" ? clause.fields.body : clause.fields.consequence;
    const condition = clause.type === "else_clause" ? true : clause.fields.condition ? truthOf(evaluate(follower, clause.fields.condition, scope)) : undefined;
    // A script that is trained with does not stop at its own checks.
    if (condition === false || (condition === true && body?.children.at(-1)?.type === "raise_statement")) continue;
    if (body) open.push(() => executeBlock(follower, body, scope));
    if (condition === true) return open.length === 1 ? open[0]() : branch(follower, scope, open);
  }
  return open.length === 0 ? "go" : branch(follower, scope, [...open, () => "go"]);
}

/** Looks at each branch from the same start. Names then hold one of what the branches that go on have bound. */
function branch(follower: Follower, scope: Scope, branches: readonly (() => Completion)[]): Completion {
  const before = new Map(scope.names);
  follower.spend((before.size * branches.length) >> 1);
  const ends: Map<string, Value>[] = [];
  let result: Value | undefined;
  follower.branches++;
  for (const follow of branches) {
    scope.names.clear();
    for (const [name, value] of before) scope.names.set(name, value);
    if (follow() === "go") ends.push(new Map(scope.names));
    const value = scope.names.get(returned);
    if (value) result = result ? choiceOf([result, value]) : value;
  }
  follower.branches--;
  const kept = ends.length > 0 ? ends : [new Map(scope.names)];
  scope.names.clear();
  for (const name of new Set(kept.flatMap((names) => [...names.keys()]))) {
    const values = kept.flatMap((names) => names.get(name) ?? []);
    scope.names.set(name, values.every((value) => value === values[0]) ? values[0] : choiceOf(values));
  }
  if (result) scope.names.set(returned, result);
  return ends.length > 0 ? "go" : "end";
}

function executeFor(follower: Follower, node: PythonNode, scope: Scope): void {
  const { left, right, body } = node.fields;
  if (!left || !right || !body) return;
  const items = itemsOf(follower, evaluate(follower, right, scope));
  for (const item of items) {
    bind(follower, left, item, scope);
    executeBlock(follower, body, scope);
  }
}

/** What a loop goes through: each item where they are known, else one that stands for all. */
export function itemsOf(follower: Follower, value: Value): readonly Value[] {
  if (value.kind === "sequence" && value.items.length <= mostIterations) return value.items;
  if (value.kind === "mapping" && value.entries.size <= mostIterations) return [...value.entries.keys()].map((key) => constant(key));
  if (value.kind === "parameters") return [{ ...value, branches: follower.branches }];
  if (value.kind === "choice") return value.options.flatMap((option) => itemsOf(follower, option)).slice(0, mostIterations);
  return [unknown];
}

function executeWith(follower: Follower, node: PythonNode, scope: Scope): Completion {
  for (const item of node.children.find(({ type }) => type === "with_clause")?.children ?? []) {
    const value = item.fields.value;
    if (!value) continue;
    if (value.type === "as_pattern") {
      const made = value.children[0] ? evaluate(follower, value.children[0], scope) : unknown;
      if (value.fields.alias) bind(follower, value.fields.alias, made, scope);
    } else evaluate(follower, value, scope);
  }
  return node.fields.body ? executeBlock(follower, node.fields.body, scope) : "go";
}

/** Handlers are for what goes wrong; nothing is foreseen to. */
function executeTry(follower: Follower, node: PythonNode, scope: Scope): Completion {
  let completion: Completion = node.fields.body ? executeBlock(follower, node.fields.body, scope) : "go";
  for (const clause of node.children) {
    const body = clause.fields.body ?? clause.children.find(({ type }) => type === "block");
    if (body && clause.type === "else_clause" && completion === "go") completion = executeBlock(follower, body, scope);
    if (body && clause.type === "finally_clause") executeBlock(follower, body, scope);
  }
  return completion;
}

function defineClass(follower: Follower, node: PythonNode, scope: Scope): void {
  const { name, superclasses, body } = node.fields;
  if (!name || !body) return;
  const bases = (superclasses?.children ?? []).filter(({ type }) => type !== "keyword_argument").map((base) => evaluate(follower, base, scope));
  const inner: Scope = { names: new Map(), parent: scope };
  executeBlock(follower, body, inner);
  const annotated = body.children.flatMap((statement) => statement.children.filter(({ type, fields }) => type === "assignment" && fields.type).flatMap(({ fields }) => fields.left?.text ?? []));
  const made: ClassValue = { kind: "class", name: name.text, bases, scope: inner, line: node.line, fields: annotated };
  scope.names.set(name.text, made);
}
