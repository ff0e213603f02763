/**
 * Low-rank adapters (LoRA) on a component's linear layers and convolutions: y = W x + alpha/rank * B A x. W stays, and only A and
 * B train. Modules are called as peft calls them, so that counts and names can be compared with its.
 */
import { UserError } from "../model/errors";
import type { Convolution, Linear, Operator } from "../model/operator";
import type { ComponentDescription, LayerDescription } from "./component";
import type { Pipeline } from "./pipeline";
import type { LoraChoice } from "../model/choice";

/** @throws UserError for a component that is not there or cannot have adapters, and for targets that match nothing. */
export function withAdapters(pipeline: Pipeline, choice: Readonly<Record<string, LoraChoice>>): Pipeline {
  for (const name of Object.keys(choice)) {
    if (!pipeline.components.some((component) => component.name === name)) throw new UserError(`The model has no component "${name}".`, { field: `lora.${name}` });
  }
  return {
    ...pipeline,
    components: pipeline.components.map((component) => {
      const { name, part } = component;
      const lora = Object.hasOwn(choice, name) ? choice[name] : undefined;
      if (!lora) return component;
      if (!part.adapted) throw new UserError(`Adapters on ${part.class} are not supported: it was traced, and its layers' parts are not known.`, { field: `lora.${name}` });
      return { ...component, part: part.adapted(lora, `lora.${name}`) };
    }),
  };
}

/** @throws UserError for a rank that cannot be, and for targets that match nothing. */
export function adaptedDescription(description: ComponentDescription, lora: LoraChoice, field: string): ComponentDescription {
  if (!Number.isSafeInteger(lora.rank) || lora.rank < 1 || lora.rank > 65_536) throw new UserError(`Expected a rank of 1 to 65536, found ${lora.rank}.`, { field: `${field}.rank` });
  const unused = new Set(lora.targetModules);
  const layers = description.layers.map((layer) => adaptedLayer(layer, lora, unused));
  const [missing] = unused;
  if (missing !== undefined || lora.targetModules.length === 0) {
    throw new UserError(`No linear layer or convolution of ${description.class} is called ${JSON.stringify(missing ?? "")}.`, { field: `${field}.targetModules` });
  }
  return { ...description, layers };
}

/** peft's rule for a list of targets: the whole path, or its end after a dot. */
const matches = (path: string, target: string) => path === target || path.endsWith(`.${target}`);

function adaptedLayer(layer: LayerDescription, lora: LoraChoice, unused: Set<string>): LayerDescription {
  const trainable = new Set<string>();
  const operators = layer.body.operators.flatMap((operator): readonly Operator[] => {
    if (operator.op !== "linear" && operator.op !== "convolution") return [operator];
    const targets = lora.targetModules.filter((target) => matches(`${layer.root}${operator.module}`, target));
    if (targets.length === 0) return [operator];
    targets.forEach((target) => unused.delete(target));
    const [down, up] = pair(operator, lora.rank);
    trainable.add(down.module).add(up.module);
    const base = { ...operator, module: `${operator.module}.base_layer`, output: `${operator.output}.base_layer` };
    const scaled = `${operator.output}.lora`;
    return [
      base, down, up,
      { op: "scale", input: up.output, factor: (lora.alpha ?? lora.rank) / lora.rank, output: scaled },
      { op: "add", left: base.output, right: scaled, output: operator.output },
    ];
  });
  return { ...layer, body: { ...layer.body, operators }, trainable };
}

/** A, then B. Of a convolution, A has its kernel and B is pointwise. */
function pair(operator: Linear | Convolution, rank: number): readonly [Linear | Convolution, Linear | Convolution] {
  const names = (part: "lora_A" | "lora_B") => ({ module: `${operator.module}.${part}.default`, output: `${operator.output}.${part}`, bias: false });
  const input = `${operator.output}.lora_A`;
  if (operator.op === "linear") return [{ ...operator, ...names("lora_A"), outFeatures: rank }, { ...operator, ...names("lora_B"), input, inFeatures: rank }];
  const pointwise = { kernel: operator.kernel.map(() => 1), stride: operator.kernel.map(() => 1), paddingBefore: operator.kernel.map(() => 0), paddingAfter: operator.kernel.map(() => 0) };
  return [{ ...operator, ...names("lora_A"), outChannels: rank }, { ...operator, ...names("lora_B"), ...pointwise, input, inChannels: rank, groups: 1 }];
}
