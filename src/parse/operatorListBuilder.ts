/** Writes operator lists the way a forward function reads: every call returns the name of its value. */
import type { Operator, OperatorList } from "../model/operator";

type WithoutOutput<O> = O extends Operator ? Omit<O, "output"> : never;

export class OperatorListBuilder {
  private readonly operators: Operator[] = [];
  private readonly taken: Set<string>;

  constructor(private readonly inputs: readonly string[]) {
    this.taken = new Set(inputs);
  }

  /** @returns The name of the operator's value: its module, or its kind where it has none. */
  add(operator: WithoutOutput<Operator>): string {
    const base = "module" in operator ? operator.module : operator.op;
    let output = base;
    for (let count = 2; this.taken.has(output); count++) output = `${base}_${count}`;
    this.taken.add(output);
    this.operators.push({ ...operator, output });
    return output;
  }

  finish(output: string): OperatorList {
    return { inputs: this.inputs, operators: this.operators, output };
  }
}
