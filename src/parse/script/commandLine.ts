/** The command line that a script declares with `add_argument`: names, defaults and lines. */
import { nodesOf, type PythonNode } from "./syntax";
import { constant, numberOf, textOf, type Scalar, type Value } from "./values";

export interface DeclaredArgument {
  readonly name: string;
  readonly line: number;
  /** Undefined where it must be given. */
  readonly default?: Scalar | Value;
  readonly type?: string;
}

export class CommandLine {
  private readonly declared = new Map<string, DeclaredArgument>();
  /** What the script itself sets: `args.x = y`. */
  private readonly assigned = new Map<string, Value>();

  /** @param answers Values that the user gave, as text, by argument. @param evaluate What an expression is before anything has run. */
  constructor(root: PythonNode, private readonly answers: Readonly<Record<string, string>>, evaluate: (node: PythonNode) => Value) {
    for (const node of nodesOf(root)) {
      const name = node.type === "call" ? node.fields.function?.fields.attribute?.text : undefined;
      if (name === "add_argument") this.declare(node, evaluate);
      else if (name === "set_defaults") this.setDefaults(node, evaluate);
    }
  }

  get isEmpty(): boolean {
    return this.declared.size === 0;
  }

  argument(name: string): DeclaredArgument | undefined {
    return this.declared.get(name);
  }

  assign(name: string, value: Value): void {
    this.assigned.set(name, value);
  }

  /** What `args.name` is, with the argument's name kept beside it. */
  value(name: string): Value {
    const assigned = this.assigned.get(name);
    if (assigned) return assigned;
    const declared = this.declared.get(name);
    if (Object.hasOwn(this.answers, name)) return constant(converted(this.answers[name], declared), name);
    if (!declared || declared.default === undefined) return { kind: "unknown", argument: name };
    const value = declared.default;
    return typeof value === "object" && value !== null ? value : constant(value, name);
  }

  /** The first declared argument of these names that has a number for its default. */
  numberNamed(...names: readonly string[]): { readonly value: number; readonly line: number } | undefined {
    for (const name of names) {
      const value = numberOf(this.value(name));
      const line = this.declared.get(name)?.line;
      if (value !== undefined && line !== undefined) return { value, line };
    }
    return undefined;
  }

  private declare(call: PythonNode, evaluate: (node: PythonNode) => Value): void {
    const given = call.fields.arguments?.children ?? [];
    const flags = given.filter((node) => node.type === "string").map((node) => textOf(evaluate(node)) ?? "");
    const keyword = (name: string) => given.find((node) => node.type === "keyword_argument" && node.fields.name?.text === name)?.fields.value;
    const long = flags.find((flag) => flag.startsWith("--")) ?? flags.at(0);
    if (!long) return;
    const destination = keyword("dest");
    const name = (destination && textOf(evaluate(destination))) ?? long.replace(/^-+/, "").replaceAll("-", "_");
    const action = keyword("action")?.text.replace(/["']/g, "");
    const type = keyword("type")?.text;
    this.declared.set(name, { name, line: call.line, type: action?.startsWith("store_") ? "bool" : type, default: defaultOf(long, action, type, keyword, evaluate) });
  }

  private setDefaults(call: PythonNode, evaluate: (node: PythonNode) => Value): void {
    for (const node of call.fields.arguments?.children ?? []) {
      const { name, value } = node.fields;
      if (node.type === "keyword_argument" && name && value) this.declared.set(name.text, { name: name.text, line: node.line, default: evaluate(value) });
    }
  }
}

function defaultOf(flag: string, action: string | undefined, type: string | undefined, keyword: (name: string) => PythonNode | undefined, evaluate: (node: PythonNode) => Value): DeclaredArgument["default"] {
  const given = keyword("default");
  if (given) {
    const value = evaluate(given);
    if (value.kind !== "constant") return value;
    const isNumber = type === "int" || type === "float";
    return isNumber && typeof value.value === "string" && value.value.trim() !== "" ? Number(value.value) : value.value;
  }
  if (action === "store_true") return false;
  if (action === "store_false") return true;
  const required = keyword("required")?.text === "True" || !flag.startsWith("-");
  return required ? undefined : null;
}

function converted(answer: string, declared: DeclaredArgument | undefined): Scalar {
  if (declared?.type === "int" || declared?.type === "float") return Number(answer);
  if (declared?.type === "bool") return /^(true|1|yes)$/i.test(answer);
  return answer;
}
