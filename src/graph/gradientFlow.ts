/** Where gradients flow through a layer's operators, and which pass has the work: I or W. */
import type { Operator, OperatorList } from "../model/operator";
import { gradientInputsOf, inputsOf, parametersOf } from "./operators/registry";

export interface GradientOptions {
  /** Whether an operator's parameters get gradients. */
  learns(operator: Operator): boolean;
  /** Values among the layer's inputs whose gradient is wanted. */
  readonly inputs: ReadonlySet<string>;
}

export interface OperatorFlow {
  /** Its parameters get gradients: work of W. */
  readonly learning: boolean;
  /**
   * The pass that takes the gradient through it: I where that leads to an input of the layer; W, beside the gradients of the
   * parameters themselves, where it only leads to the layer's own parameters; none where it leads nowhere.
   */
  readonly through: "I" | "W" | undefined;
  /** For each input, whether its gradient is needed. */
  readonly wanted: readonly boolean[];
}

/** In the order of the list. */
export function gradientFlow(list: OperatorList, { learns, inputs }: GradientOptions): readonly OperatorFlow[] {
  /** Values that a gradient of an input, or of a parameter, flows through. */
  const fromInputs = new Set(inputs);
  const fromParameters = new Set<string>();
  return list.operators.map((operator) => {
    const carries = gradientInputsOf(operator);
    const learning = learns(operator) && parametersOf(operator).length > 0;
    const through = carries.some((name) => fromInputs.has(name)) ? "I" : carries.some((name) => fromParameters.has(name)) ? "W" : undefined;
    const wanted = inputsOf(operator).map((name) => carries.includes(name) && (fromInputs.has(name) || fromParameters.has(name)));
    if (through === "I") fromInputs.add(operator.output);
    if (through === "W" || learning) fromParameters.add(operator.output);
    return { learning, through, wanted };
  });
}
