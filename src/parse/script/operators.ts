/** Python's operators and literals on what is known. */
import type { PythonNode } from "./syntax";
import { choiceOf, constant, unknown, type Scalar, type Value } from "./values";

const longestText = 10_000;
const mostItems = 1000;

export function numberIn(text: string): Value {
  const plain = text.replaceAll("_", "");
  const value = Number(plain);
  return Number.isFinite(value) ? constant(value) : unknown;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\\": "\\", "'": "'", '"': '"', "\n": "" };

/** @param inner What an interpolated expression is. */
export function stringIn(node: PythonNode, inner: (node: PythonNode | undefined) => Value): Value {
  const isRaw = /^[a-z]*r/i.test(node.children.find(({ type }) => type === "string_start")?.text ?? "");
  let text = "";
  for (const child of node.children) {
    if (child.type === "string_content") text += isRaw ? child.text : child.text.replace(/\\([\s\S])/g, (whole, letter: string) => escapes[letter] ?? whole);
    else if (child.type === "interpolation") {
      const value = inner(child.fields.expression);
      if (value.kind !== "constant" || child.children.length > 1) return unknown;
      text += shown(value.value);
    }
    if (text.length > longestText) return unknown;
  }
  return constant(text);
}

/** As Python's str. */
export function shown(value: Scalar): string {
  return value === null ? "None" : value === true ? "True" : value === false ? "False" : String(value);
}

export function joined(a: Value, b: Value): Value {
  if (a.kind !== "constant" || b.kind !== "constant" || typeof a.value !== "string" || typeof b.value !== "string") return unknown;
  return a.value.length + b.value.length > longestText ? unknown : constant(a.value + b.value, a.argument ?? b.argument);
}

export function arithmetic(left: Value, operator: string, right: Value): Value {
  if (left.kind === "sequence" && operator === "+" && right.kind !== "constant") return { kind: "sequence", items: [...left.items, ...(right.kind === "sequence" ? right.items : [right])].slice(0, mostItems) };
  if (left.kind === "parameters" && operator === "+") return { kind: "sequence", items: [left, right] };
  if (left.kind === "sequence" && operator === "*" && right.kind === "constant" && typeof right.value === "number") {
    const times = Math.max(0, Math.min(right.value, Math.floor(mostItems / Math.max(1, left.items.length))));
    return { kind: "sequence", items: Array.from({ length: times }, () => left.items).flat() };
  }
  if (left.kind !== "constant" || right.kind !== "constant") return unknown;
  if (operator === "+" && typeof left.value === "string") return joined(left, right);
  if (operator === "/" && typeof left.value === "string" && typeof right.value === "string") return constant(`${left.value}/${right.value}`.slice(0, longestText), left.argument);
  if (typeof left.value !== "number" || typeof right.value !== "number") return unknown;
  const value = calculated(left.value, operator, right.value);
  return value !== undefined && Number.isFinite(value) ? constant(value, left.argument ?? right.argument) : unknown;
}

function calculated(a: number, operator: string, b: number): number | undefined {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "//":
      return Math.floor(a / b);
    case "%":
      return a - b * Math.floor(a / b);
    case "**":
      return a ** b;
    default:
      return undefined;
  }
}

export function compared(left: Value, operator: string, right: Value): Value {
  if (left.kind === "choice") return agreed(left.options.map((option) => compared(option, operator, right)));
  if (right.kind === "choice") return agreed(right.options.map((option) => compared(left, operator, option)));
  if (operator === "in" || operator === "not in") return contained(left, operator, right);
  const isNone = (value: Value) => value.kind === "constant" && value.value === null;
  // What the command line must give, and what was made, is not None.
  const isSomething = (value: Value) => value.kind !== "unknown" && value.kind !== "method" && !isNone(value);
  if (isNone(right) && (isNone(left) || isSomething(left)) && /^(?:is|==|is not|!=)$/.test(operator)) return constant(isNone(left) === (operator === "is" || operator === "=="));
  if (left.kind === "symbol" && right.kind === "symbol") return left.path === right.path && operator === "==" ? constant(true) : unknown;
  if (left.kind !== "constant" || right.kind !== "constant") return unknown;
  const [a, b] = [left.value, right.value];
  switch (operator) {
    case "==":
    case "is":
      return constant(a === b);
    case "!=":
    case "is not":
      return constant(a !== b);
    default:
      return typeof a === "number" && typeof b === "number" ? ordered(a, operator, b) : unknown;
  }
}

function ordered(a: number, operator: string, b: number): Value {
  switch (operator) {
    case "<":
      return constant(a < b);
    case "<=":
      return constant(a <= b);
    case ">":
      return constant(a > b);
    case ">=":
      return constant(a >= b);
    default:
      return unknown;
  }
}

function contained(left: Value, operator: string, right: Value): Value {
  if (left.kind !== "constant") return unknown;
  const isIn = (found: boolean) => constant(found === (operator === "in"));
  if (right.kind === "sequence") {
    if (right.items.some((item) => item.kind === "constant" && item.value === left.value)) return isIn(true);
    return right.items.every((item) => item.kind === "constant") ? isIn(false) : unknown;
  }
  if (right.kind === "mapping") return isIn(right.entries.has(String(left.value)));
  return right.kind === "constant" && typeof right.value === "string" && typeof left.value === "string" ? isIn(right.value.includes(left.value)) : unknown;
}

function agreed(results: readonly Value[]): Value {
  return results.every((result) => result.kind === "constant") ? onlyOne(choiceOf(results)) : unknown;
}

function onlyOne(value: Value): Value {
  return value.kind === "choice" ? unknown : value;
}
