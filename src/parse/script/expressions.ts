/** What an expression is, as far as the text tells. */
import { callNode } from "./calls";
import type { Follower } from "./follower";
import { attributeOf } from "./models";
import { arithmetic, compared, joined, numberIn, stringIn } from "./operators";
import { bind, itemsOf } from "./statements";
import type { PythonNode } from "./syntax";
import { choiceOf, constant, truthOf, unknown, type Scope, type Value } from "./values";

const mostItems = 1000;

/** Expressions in expressions, through the functions that they call. */
const deepest = 1000;

export function evaluate(follower: Follower, node: PythonNode, scope: Scope): Value {
  if (!follower.step() || follower.depth >= deepest) return unknown;
  follower.depth++;
  const value = valueOf(follower, node, scope);
  follower.depth--;
  return value;
}

function valueOf(follower: Follower, node: PythonNode, scope: Scope): Value {
  const { fields, children } = node;
  const inner = (child: PythonNode | undefined) => (child ? evaluate(follower, child, scope) : unknown);
  switch (node.type) {
    case "identifier":
      return lookUp(node.text, scope);
    case "integer":
    case "float":
      return numberIn(node.text);
    case "true":
      return constant(true);
    case "false":
      return constant(false);
    case "none":
      return constant(null);
    case "string":
      return stringIn(node, inner);
    case "concatenated_string":
      return children.map(inner).reduce(joined, constant(""));
    case "parenthesized_expression":
    case "await":
      return inner(children[0]);
    case "tuple":
    case "list":
    case "set":
    case "expression_list":
      return { kind: "sequence", items: sequenceItems(follower, children, scope) };
    case "dictionary":
      return mappingOf(follower, children, scope);
    case "attribute":
      return fields.object && fields.attribute ? attributeOf(follower, inner(fields.object), fields.attribute.text, node.line) : unknown;
    case "subscript":
      return itemOf(follower, inner(fields.value), inner(fields.subscript));
    case "call":
      return callNode(follower, node, scope);
    case "assignment":
      return assign(follower, node, scope);
    case "augmented_assignment":
      return augment(follower, node, scope);
    case "named_expression": {
      const value = inner(fields.value);
      if (fields.name) bind(follower, fields.name, value, scope);
      return value;
    }
    case "boolean_operator":
      return either(follower, node, scope);
    case "not_operator": {
      const truth = truthOf(inner(fields.argument));
      return truth === undefined ? unknown : constant(!truth);
    }
    case "comparison_operator":
      return children.length === 2 ? compared(inner(children[0]), node.words.filter((word) => word !== "(" && word !== ")").join(" "), inner(children[1])) : unknown;
    case "unary_operator": {
      const value = inner(fields.argument);
      return value.kind === "constant" && typeof value.value === "number" && node.words.includes("-") ? constant(-value.value) : unknown;
    }
    case "binary_operator":
      return arithmetic(inner(fields.left), node.words[0] ?? "", inner(fields.right));
    case "conditional_expression": {
      const [yes, condition, no] = children;
      const truth = truthOf(inner(condition));
      return truth === undefined ? choiceOf([inner(yes), inner(no)]) : inner(truth ? yes : no);
    }
    case "lambda":
      return { kind: "function", node, scope };
    case "list_comprehension":
    case "generator_expression":
    case "set_comprehension":
      return comprehension(follower, node, scope);
    default:
      return unknown;
  }
}

function lookUp(name: string, scope: Scope): Value {
  if (name === "__name__") return constant("__main__");
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const value = at.names.get(name);
    if (value) return value;
  }
  return { kind: "symbol", path: name };
}

function sequenceItems(follower: Follower, nodes: readonly PythonNode[], scope: Scope): Value[] {
  const items = nodes.slice(0, mostItems).flatMap((node): readonly Value[] => {
    if (node.type !== "list_splat") return [evaluate(follower, node, scope)];
    const value = node.children[0] ? evaluate(follower, node.children[0], scope) : unknown;
    return value.kind === "sequence" ? value.items : [value];
  });
  return items.slice(0, mostItems);
}

function mappingOf(follower: Follower, nodes: readonly PythonNode[], scope: Scope): Value {
  const entries = new Map<string, Value>();
  for (const node of nodes.slice(0, mostItems)) {
    if (node.type === "pair" && node.fields.key && node.fields.value) {
      const key = evaluate(follower, node.fields.key, scope);
      const value = evaluate(follower, node.fields.value, scope);
      entries.set(key.kind === "constant" ? String(key.value) : `?${entries.size}`, value);
    } else if (node.type === "dictionary_splat" && node.children[0]) {
      const value = evaluate(follower, node.children[0], scope);
      if (value.kind === "mapping") for (const [key, item] of value.entries) entries.set(key, item);
    }
  }
  return { kind: "mapping", entries };
}

function itemOf(follower: Follower, container: Value, key: Value): Value {
  if (container.kind === "choice") return choiceOf(container.options.map((option) => itemOf(follower, option, key)));
  if (container.kind === "parameters") return container;
  if (key.kind !== "constant") return unknown;
  if (container.kind === "sequence" && typeof key.value === "number") return container.items.at(key.value) ?? unknown;
  if (container.kind === "mapping") return container.entries.get(String(key.value)) ?? unknown;
  if (container.kind === "arguments") return follower.commandLine.value(String(key.value));
  return container.kind === "instance" ? (container.attributes.get(String(key.value)) ?? unknown) : unknown;
}

function assign(follower: Follower, node: PythonNode, scope: Scope): Value {
  const { left, right } = node.fields;
  if (!left || !right) return unknown;
  const value = evaluate(follower, right, scope);
  // `a = b = c` is an assignment whose value is one.
  bind(follower, left, value, scope);
  return value;
}

function augment(follower: Follower, node: PythonNode, scope: Scope): Value {
  const { left, right } = node.fields;
  if (!left || !right) return unknown;
  const value = arithmetic(evaluate(follower, left, scope), node.words[0]?.slice(0, -1) ?? "", evaluate(follower, right, scope));
  bind(follower, left, value, scope);
  return value;
}

/** `a or b`, `a and b`: one of the two, where the first is not known. */
function either(follower: Follower, node: PythonNode, scope: Scope): Value {
  const { left, right } = node.fields;
  if (!left || !right) return unknown;
  const first = evaluate(follower, left, scope);
  const truth = truthOf(first);
  const isOr = node.words.includes("or");
  if (truth === isOr) return first;
  const second = evaluate(follower, right, scope);
  if (truth !== undefined) return second;
  // An unknown part of a conjunction cannot save one that is false.
  if (truthOf(second) === isOr) return constant(isOr);
  return isOr ? choiceOf([first, second]) : unknown;
}

/** Over parameters, what is left of them; over a list, each item's value. */
function comprehension(follower: Follower, node: PythonNode, scope: Scope): Value {
  const clause = node.children.find(({ type }) => type === "for_in_clause");
  const { left, right } = clause?.fields ?? {};
  const { body } = node.fields;
  if (!left || !right || !body) return unknown;
  const over = evaluate(follower, right, scope);
  const conditions = node.children.filter(({ type }) => type === "if_clause");
  const inner: Scope = { names: new Map(), parent: scope };
  const nested = node.children.filter(({ type }) => type === "for_in_clause").slice(1);
  const items: Value[] = [];
  for (const item of itemsOf(follower, over)) {
    bind(follower, left, item, inner);
    for (const { fields } of nested) if (fields.left && fields.right) bind(follower, fields.left, itemsOf(follower, evaluate(follower, fields.right, inner))[0] ?? unknown, inner);
    if (conditions.some(({ children }) => children[0] && truthOf(evaluate(follower, children[0], inner)) === false)) continue;
    items.push(chosenBy(conditions, evaluate(follower, body, inner)));
  }
  if (items.length === 1 && items[0].kind === "parameters") return items[0];
  return over.kind === "unknown" || over.kind === "symbol" ? unknown : { kind: "sequence", items: items.slice(0, mostItems) };
}

/** Parameters that a condition picks: those with gradients where it asks for that, else some. */
export function chosenBy(conditions: readonly PythonNode[], value: Value): Value {
  if (value.kind !== "parameters" || conditions.length === 0) return value;
  const asksForGradients = conditions.every(({ text }) => /requires_grad/.test(text) && !/\bnot\b/.test(text));
  return { kind: "parameters", sets: value.sets.map(({ part, only }) => ({ part, only: only === "some" ? only : asksForGradients ? "gradients" : part.lora ? "gradients" : "some" })) };
}
