/** Names of activation functions in configuration files. */
import { z } from "zod";
import type { ActivationFunction } from "../../model/operator";

/** diffusers compares in lower case. */
const ofDiffusers = new Map<string, ActivationFunction>([["silu", "silu"], ["swish", "silu"], ["gelu", "gelu"], ["relu", "relu"], ["mish", "mish"]]);

const ofTransformers = new Map<string, ActivationFunction>([
  ["quick_gelu", "quickGelu"], ["gelu", "gelu"], ["gelu_python", "gelu"], ["silu", "silu"], ["swish", "silu"], ["relu", "relu"], ["mish", "mish"],
  ["gelu_new", "geluTanh"], ["gelu_fast", "geluTanh"], ["gelu_accurate", "geluTanh"], ["gelu_pytorch_tanh", "geluTanh"], ["gelu_python_tanh", "geluTanh"],
]);

function activationSchema(known: ReadonlyMap<string, ActivationFunction>, normalize: (name: string) => string) {
  return z.string().transform((name, context): ActivationFunction => {
    const found = known.get(normalize(name));
    if (found) return found;
    context.issues.push({ code: "custom", input: name, message: `The activation ${JSON.stringify(name.slice(0, 40))} is not supported; expected ${[...known.keys()].join(", ")}` });
    return z.NEVER;
  });
}

export const diffusersActivation = activationSchema(ofDiffusers, (name) => name.toLowerCase());
export const transformersActivation = activationSchema(ofTransformers, (name) => name);
