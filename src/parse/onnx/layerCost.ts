/** What a layer of nodes costs at known shapes; estimates by the rules of `cost.ts`. What is computed of weights alone is not counted: it is the same for any batch. */
import { flopsOf, isView, keptFor } from "./cost";
import type { NodeGraph } from "./graph";
import type { Infos } from "./infer";
import { bytesOf } from "./layers";
import { isFloat } from "./types";
import { isFolded, isKnown } from "./values";

export interface NodesCost {
  readonly flops: number;
  readonly inputGradFlops: number;
  readonly weightGradFlops: number;
  readonly trafficBytes: number;
  readonly savedUntilInputGradBytes: number;
  readonly savedUntilWeightGradBytes: number;
}

/**
 * I is the work that leads to gradients of the layer's inputs, W all the rest of the backward pass.
 * @param learned Parameters that get gradients.
 * @param hasGradient Whether a value from outside the layer needs a gradient.
 */
export function nodesCost({ nodes }: NodeGraph, layer: readonly number[], infos: Infos, weightSide: ReadonlySet<string>, learned: ReadonlySet<string>, hasGradient: ReadonlySet<string>): NodesCost {
  const made = new Set(layer.flatMap((index) => nodes[index].outputs));
  const fromInputs = new Set<string>();
  const fromParameters = new Set<string>();
  const learnedSide = new Set(learned);
  const memory = new Map<string, string>();
  const kept = { input: new Set<string>(), weight: new Set<string>() };
  const total = { flops: 0, inputGrad: 0, weightGrad: 0, traffic: 0 };
  for (const index of layer) {
    const node = nodes[index];
    if (isFolded(infos, node.outputs)) continue;
    const results = node.outputs.filter((name) => name !== "" && isFloat(infos.get(name)?.type ?? "bool"));
    if (node.outputs.every((name) => name === "" || weightSide.has(name))) {
      if (node.inputs.some((name) => learnedSide.has(name))) for (const name of results) learnedSide.add(name);
      continue;
    }
    for (const name of node.inputs) if (!made.has(name) && hasGradient.has(name)) fromInputs.add(name);
    if (isView(node)) memory.set(node.outputs[0], memory.get(node.inputs[0]) ?? node.inputs[0]);
    const flops = flopsOf(node, node.inputs.map((name) => infos.get(name)), node.outputs.flatMap((name) => infos.get(name) ?? []));
    const activations = [...node.inputs, ...node.outputs].filter((name) => name !== "" && !weightSide.has(name) && !isKnown(infos, name));
    total.flops += flops;
    if (!isView(node) || node.op === "Transpose") total.traffic += activations.reduce((sum, name) => sum + bytesOf(infos.get(name)), 0);
    const inI = node.inputs.some((name) => fromInputs.has(name));
    let [back, learns] = [false, false];
    for (const [input, name] of node.inputs.entries()) {
      const isBack = results.length > 0 && (fromInputs.has(name) || fromParameters.has(name));
      const isLearned = results.length > 0 && learnedSide.has(name);
      if (!isBack && !isLearned) continue;
      if (isLearned) total.weightGrad += flops;
      else if (inI) total.inputGrad += flops;
      else total.weightGrad += flops;
      const keep = isBack && inI ? kept.input : kept.weight;
      for (const other of keptFor(node, input)) if (activations.includes(node.inputs[other])) keep.add(memory.get(node.inputs[other]) ?? node.inputs[other]);
      back ||= isBack;
      learns ||= isLearned;
    }
    for (const name of results) {
      if (inI) fromInputs.add(name);
      if (learns || (back && !inI)) fromParameters.add(name);
    }
  }
  const bytes = (names: Iterable<string>) => [...names].reduce((sum, name) => sum + bytesOf(infos.get(name)), 0);
  return {
    flops: total.flops,
    inputGradFlops: total.inputGrad,
    weightGradFlops: total.weightGrad,
    trafficBytes: total.traffic,
    savedUntilInputGradBytes: bytes([...kept.input].filter((name) => !kept.weight.has(name))),
    savedUntilWeightGradBytes: bytes(kept.weight),
  };
}
