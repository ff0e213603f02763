/**
 * Follows a script without running it: names are bound to what is known of their values, branches whose conditions are
 * known are taken, others are both looked at. Only text is read; nothing is imported, opened or called.
 */
import { callValue, type Given } from "./calls";
import { CommandLine } from "./commandLine";
import { evaluate } from "./expressions";
import { Recorder } from "./recorder";
import { executeBlock } from "./statements";
import { nodesOf, type PythonNode } from "./syntax";
import type { ClassValue, Scope, Value } from "./values";

/** The longest of the well-known scripts takes some 10,000. */
const mostSteps = 300_000;
const deepestCalls = 16;

export class Follower {
  readonly recorder = new Recorder();
  readonly commandLine: CommandLine;
  readonly module: Scope = { names: new Map() };
  /** How many conditions that cannot be foreseen the current statement stands under. */
  branches = 0;
  /** How many expressions the current one stands in. */
  depth = 0;
  /** Functions of the script being followed. */
  private readonly calls: PythonNode[] = [];
  private readonly called = new Set<PythonNode>();
  private readonly instantiated = new Set<ClassValue>();
  private steps = 0;

  constructor(private readonly root: PythonNode, answers: Readonly<Record<string, string>>) {
    this.commandLine = new CommandLine(root, answers, (node) => evaluate(this, node, { names: new Map() }));
  }

  /** Follows the module and what nothing in it calls: a `main` that a launcher calls, methods that a framework calls. */
  follow(): void {
    executeBlock(this, this.root, this.module);
    for (const value of [...this.module.names.values()]) {
      if (value.kind === "function" && !this.called.has(value.node) && concernsModels(value.node)) this.callUncalled(value);
      if (value.kind === "class" && !this.instantiated.has(value) && [...value.scope.names.keys()].some((name) => frameworkMethods.has(name))) callValue(this, value, this.nothing(value.line));
    }
    if (this.isExhausted) this.recorder.note(1, "The script is too long or too entangled to be followed to its end.");
  }

  get isExhausted(): boolean {
    return this.steps >= mostSteps;
  }

  /** Counts a step. @returns Whether there are any left. */
  step(): boolean {
    this.steps++;
    return !this.isExhausted;
  }

  /** Counts what costs more than a step. */
  spend(steps: number): void {
    this.steps += steps;
  }

  /** @returns Undefined where the function is being followed already, or too deep. */
  inCall<T>(node: PythonNode, follow: () => T): T | undefined {
    this.called.add(node);
    if (this.calls.length >= deepestCalls || this.calls.includes(node)) return undefined;
    this.calls.push(node);
    try {
      return follow();
    } finally {
      this.calls.pop();
    }
  }

  /** After a class of the script has been made: what a framework would call. */
  madeInstance(own: ClassValue, instance: Value): void {
    if (this.instantiated.has(own)) return;
    this.instantiated.add(own);
    const optimizers = own.scope.names.get("configure_optimizers");
    if (optimizers?.kind === "function") callValue(this, { ...optimizers, self: instance }, this.nothing(own.line));
  }

  /** What a launcher calls: a function and a list of what it is given. */
  launched(value: Value, given: Given): Value {
    const list = given.positional.find(({ kind }) => kind === "sequence") ?? given.keywords.get("args");
    return callValue(this, value, { ...this.nothing(given.line), positional: list?.kind === "sequence" ? list.items : [] });
  }

  private nothing(line: number): Given {
    return { positional: [], keywords: new Map(), hasUnknown: false, line };
  }

  private callUncalled(value: Value & { readonly kind: "function" }): void {
    const parameters = value.node.fields.parameters?.children ?? [];
    const isNamespace = (name: string) => !this.commandLine.isEmpty && /^(?:args|opts?|options|flags|config|cfg)$/.test(name);
    const keywords = new Map<string, Value>(parameters.flatMap((parameter) => (parameter.type === "identifier" && isNamespace(parameter.text) ? [[parameter.text, { kind: "arguments" }] as const] : [])));
    callValue(this, value, { ...this.nothing(value.node.line), keywords });
  }
}

const frameworkMethods = new Set(["configure_optimizers", "training_step"]);

function concernsModels(node: PythonNode): boolean {
  for (const { type, text } of nodesOf(node)) if (type === "identifier" && /^(?:from_pretrained|from_config|from_single_file|parameters|requires_grad_|Accelerator)$/.test(text)) return true;
  return false;
}

