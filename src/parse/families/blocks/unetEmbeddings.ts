/** What the blocks of diffusers' UNets are conditioned on: one embedding of timestep, classes and more, and the context tokens. */
import type { ActivationFunction, OperatorList } from "../../../model/operator";
import type { ComponentInput, LayerDescription, ValueSource } from "../../component";
import { OperatorListBuilder } from "../../operatorListBuilder";

/** How a number becomes a vector. */
export type TimeProjection =
  | { readonly kind: "positional"; readonly channels: number; readonly flipSinToCos: boolean; readonly frequencyShift: number }
  | { readonly kind: "fourier"; readonly channels: number; readonly flipSinToCos: boolean; readonly log: boolean }
  | { readonly kind: "learned"; readonly channels: number; readonly steps: number };

export type ClassEmbedding =
  | { readonly kind: "table"; readonly count: number }
  | { readonly kind: "timestep" | "identity" }
  | { readonly kind: "projection" | "simple_projection"; readonly inFeatures: number };

export type AddedEmbedding =
  | { readonly kind: "text"; readonly inFeatures: number; readonly heads: number }
  | { readonly kind: "text_image" | "image" | "image_hint"; readonly inFeatures: number }
  | { readonly kind: "text_time"; readonly textFeatures: number; readonly numbers: number; readonly channels: number };

/** The context tokens from what the component is given. */
export type ContextProjection =
  | { readonly kind: "text_proj" | "image_proj"; readonly inFeatures: number }
  | { readonly kind: "text_image_proj"; readonly inFeatures: number };

export interface Conditioning {
  readonly time: TimeProjection;
  /** Of the embedding before classes are concatenated. */
  readonly features: number;
  readonly activation: ActivationFunction;
  readonly postActivation?: ActivationFunction;
  /** Of a second vector that is added to the projected timestep. */
  readonly guidanceFeatures?: number;
  /** Of the whole embedding. */
  readonly finalActivation?: ActivationFunction;
  readonly classes?: ClassEmbedding;
  readonly classesConcatenated?: boolean;
  readonly added?: AddedEmbedding;
  readonly contextProjection?: ContextProjection;
  /** Of the tokens that the blocks attend to; undefined where there are none. */
  readonly contextFeatures?: number;
}

export interface Conditioned {
  readonly inputs: readonly ComponentInput[];
  readonly layers: readonly LayerDescription[];
  readonly time: ValueSource;
  readonly timeFeatures: number;
  readonly context: ValueSource;
  /** Channels that are concatenated to the sample. */
  readonly hint?: { readonly source: ValueSource; readonly channels: number };
}

/** Made by TextImageProjection and ImageProjection. */
const imageTokens = { text_image_proj: 10, image_proj: 32 } as const;
const hintWidths = [16, 16, 32, 32, 96, 96, 256] as const;
export const hintChannels = 4;
const layerNormEpsilon = 1e-5;

export function conditioned(conditioning: Conditioning): Conditioned {
  const inputs = new Map<string, ComponentInput>();
  const layers: LayerDescription[] = [];
  const steps = [timeStep, ...(conditioning.classes ? [classStep] : []), ...(conditioning.added ? [addedStep] : [])];
  let time: ValueSource | undefined;
  for (const [index, step] of steps.entries()) {
    const { layer, takes } = step(conditioning, time, index === steps.length - 1 ? conditioning.finalActivation : undefined);
    layers.push(layer);
    for (const input of takes) inputs.set(input.name, input);
    time = { layer: layer.name };
  }
  if (!time) throw new Error("The timestep comes first.");
  const projection = conditioning.contextProjection && contextLayer(conditioning.contextProjection, conditioning.contextFeatures ?? 0);
  if (projection) layers.push(projection.layer);
  for (const input of projection?.takes ?? (conditioning.contextFeatures === undefined ? [] : [contextInput(conditioning.contextFeatures)])) inputs.set(input.name, input);
  return {
    inputs: [...inputs.values()],
    layers,
    time,
    timeFeatures: conditioning.features * (conditioning.classesConcatenated ? 2 : 1),
    context: projection ? { layer: projection.layer.name } : { input: "encoder_hidden_states" },
    ...(conditioning.added?.kind === "image_hint" && { hint: { source: { layer: "add_embedding", output: 1 }, channels: hintChannels } }),
  };
}

interface Step {
  readonly layer: LayerDescription;
  readonly takes: readonly ComponentInput[];
}

const vector = (name: string, features: number): ComponentInput => ({ name, type: "float32", shape: () => [features] });
const contextInput = (features: number): ComponentInput => ({ name: "encoder_hidden_states", type: "float32", shape: ({ sequenceLength }) => [sequenceLength, features] });

const kinds = { time_embedding: "timestep_embedding", class_embedding: "class_embedding", add_embedding: "added_embedding", encoder_hid_proj: "context_projection" } as const;

/** Values of the component by the name that the list gives them; `emb` is the embedding so far. */
function describe(name: keyof typeof kinds, modules: readonly string[], takes: readonly ComponentInput[], emb: ValueSource | undefined, body: OperatorList, trainable?: ReadonlySet<string>): Step {
  const sources = { ...(emb && { emb }), ...Object.fromEntries(takes.map((input) => [input.name, { input: input.name }])) };
  return { layer: { name, kind: kinds[name], modules, root: "", body, sources, ...(trainable && { trainable }) }, takes };
}

function finish(list: OperatorListBuilder, embedding: string, activation: ActivationFunction | undefined, ...others: readonly string[]): OperatorList {
  return list.finish(activation === undefined ? embedding : list.activation(activation, embedding), ...others);
}

const actModule = (activation: ActivationFunction | undefined) => (activation === undefined ? [] : ["time_embed_act"]);

function timeInput(time: TimeProjection): ComponentInput {
  if (time.kind === "fourier") return { name: "timestep", type: "float32", shape: () => [] };
  return { name: "timestep", type: "int64", below: time.kind === "learned" ? time.steps : 1000, shape: () => [] };
}

const projectedFeatures = (time: TimeProjection) => (time.kind === "fourier" ? 2 : 1) * time.channels;

function projectedTime(list: OperatorListBuilder, time: TimeProjection, input: string): string {
  switch (time.kind) {
    case "positional": return list.add({ op: "timestepEmbedding", input, channels: time.channels, flipSinToCos: time.flipSinToCos, frequencyShift: time.frequencyShift });
    case "fourier": return list.add({ op: "fourierEmbedding", module: "time_proj", input, frequencies: time.channels, flipSinToCos: time.flipSinToCos, log: time.log });
    case "learned": return list.add({ op: "tokenEmbedding", module: "time_proj", input, vocabulary: time.steps, features: time.channels });
  }
}

/** diffusers' TimestepEmbedding. */
function twoLayers(list: OperatorListBuilder, path: string, input: string, inFeatures: number, features: number, activation: ActivationFunction): string {
  return list.linear(`${path}.linear_2`, list.activation(activation, list.linear(`${path}.linear_1`, input, inFeatures, features)), features, features);
}

function timeStep({ time, features, activation, postActivation, guidanceFeatures }: Conditioning, _emb: ValueSource | undefined, final: ActivationFunction | undefined): Step {
  const takes = [timeInput(time), ...(guidanceFeatures === undefined ? [] : [vector("timestep_cond", guidanceFeatures)])];
  const list = new OperatorListBuilder(takes.map(({ name }) => name));
  const inFeatures = projectedFeatures(time);
  let projected = projectedTime(list, time, "timestep");
  if (guidanceFeatures !== undefined) projected = list.sum(projected, list.linear("time_embedding.cond_proj", "timestep_cond", guidanceFeatures, inFeatures, false));
  let embedding = twoLayers(list, "time_embedding", projected, inFeatures, features, activation);
  if (postActivation) embedding = list.activation(postActivation, embedding);
  const body = finish(list, embedding, final);
  // The frequencies of a Fourier projection are drawn once and stay.
  const trainable = time.kind === "fourier" ? new Set(body.operators.flatMap((operator) => ("module" in operator && operator.module !== "time_proj" ? [operator.module] : []))) : undefined;
  return describe("time_embedding", ["time_proj", "time_embedding", ...actModule(final)], takes, undefined, body, trainable);
}

function classInput(classes: ClassEmbedding, features: number): ComponentInput {
  switch (classes.kind) {
    case "table": return { name: "class_labels", type: "int64", below: classes.count, shape: () => [] };
    case "timestep": return { name: "class_labels", type: "int64", below: 1000, shape: () => [] };
    case "identity": return vector("class_labels", features);
    case "projection": case "simple_projection": return vector("class_labels", classes.inFeatures);
  }
}

function classStep({ classes, time, features, activation, classesConcatenated }: Conditioning, emb: ValueSource | undefined, final: ActivationFunction | undefined): Step {
  if (!classes) throw new Error("There are no classes.");
  const input = classInput(classes, features);
  const list = new OperatorListBuilder(["emb", input.name]);
  const embedded = (): string => {
    switch (classes.kind) {
      case "table": return list.add({ op: "tokenEmbedding", module: "class_embedding", input: input.name, vocabulary: classes.count, features });
      case "timestep": return twoLayers(list, "class_embedding", projectedTime(list, time, input.name), projectedFeatures(time), features, activation);
      case "identity": return input.name;
      case "projection": return twoLayers(list, "class_embedding", input.name, classes.inFeatures, features, "silu");
      case "simple_projection": return list.linear("class_embedding", input.name, classes.inFeatures, features);
    }
  };
  const made = embedded();
  const whole = classesConcatenated ? list.add({ op: "concat", inputs: ["emb", made], axis: -1 }) : list.sum("emb", made);
  const modules = [...(classes.kind === "timestep" ? ["time_proj"] : []), "class_embedding", ...actModule(final)];
  return describe("class_embedding", modules, [input], emb, finish(list, whole, final));
}

function addedStep({ added, time, features }: Conditioning, emb: ValueSource | undefined, final: ActivationFunction | undefined): Step {
  if (!added) throw new Error("Nothing is added.");
  const takes = addedInputs(added);
  const list = new OperatorListBuilder(["emb", ...takes.map(({ name }) => name)]);
  const path = "add_embedding";
  const norm = (module: string, input: string, size: number) => list.add({ op: "layerNorm", module: `${path}.${module}`, input, features: size, epsilon: layerNormEpsilon, affine: "weight and bias" });
  const project = (module: string, input: string, inFeatures: number) => list.linear(`${path}.${module}`, input, inFeatures, features);
  const embedded = (): string => {
    switch (added.kind) {
      case "text": return norm("norm2", project("proj", attentionPooling(list, `${path}.pool`, norm("norm1", "encoder_hidden_states", added.inFeatures), added.inFeatures, added.heads), added.inFeatures), features);
      case "text_image": return list.sum(project("image_proj", "image_embeds", added.inFeatures), norm("text_norm", project("text_proj", "text_embeds", added.inFeatures), features));
      case "image": case "image_hint": return norm("image_norm", project("image_proj", "image_embeds", added.inFeatures), features);
      case "text_time": {
        if (time.kind !== "positional") throw new Error("Sizes are embedded as sinusoids.");
        const numbers = projectedTime(list, { ...time, channels: added.channels }, list.rearrange("time_ids", "n k -> (n k)"));
        const sizes = list.rearrange(numbers, "(n k) c -> n (k c)", { k: added.numbers });
        const whole = list.add({ op: "concat", inputs: ["text_embeds", sizes], axis: -1 });
        return twoLayers(list, path, whole, added.textFeatures + added.numbers * added.channels, features, "silu");
      }
    }
  };
  const sum = list.sum("emb", embedded());
  const others = added.kind === "image_hint" ? [hintImage(list)] : [];
  const modules = [...(added.kind === "text_time" ? ["add_time_proj"] : []), path, ...actModule(final)];
  return describe(path, modules, takes, emb, finish(list, sum, final, ...others));
}

function addedInputs(added: AddedEmbedding): readonly ComponentInput[] {
  switch (added.kind) {
    case "text": return [contextInput(added.inFeatures)];
    case "text_image": return [vector("text_embeds", added.inFeatures), vector("image_embeds", added.inFeatures)];
    case "image": return [vector("image_embeds", added.inFeatures)];
    case "image_hint": return [vector("image_embeds", added.inFeatures), { name: "hint", type: "float32", shape: ({ height, width }) => [3, 8 * height, 8 * width] }];
    case "text_time": return [vector("text_embeds", added.textFeatures), vector("time_ids", added.numbers)];
  }
}

/** The mean token attends to itself and to all others. */
function attentionPooling(list: OperatorListBuilder, path: string, tokens: string, features: number, heads: number): string {
  const position = list.add({ op: "learnedTensor", module: `${path}.positional_embedding`, shape: [1, features], as: [1, 1, features] });
  const whole = list.sum(list.add({ op: "mean", input: tokens, axis: 1 }), position);
  const all = list.add({ op: "concat", inputs: [whole, tokens], axis: 1 });
  const project = (name: string, input: string) => list.linear(`${path}.${name}`, input, features, features);
  const attended = list.add({ op: "attention", query: project("q_proj", whole), key: project("k_proj", all), value: project("v_proj", all), heads, causal: false });
  return list.rearrange(attended, "n 1 c -> n c");
}

/** An image made eight times smaller by convolutions. */
function hintImage(list: OperatorListBuilder): string {
  const sizes = [3, ...hintWidths, hintChannels];
  return sizes.slice(1).reduce((hidden, outChannels, index) => {
    const input = index === 0 ? hidden : list.activation("silu", hidden);
    const stride = index === 2 || index === 4 || index === 6 ? 2 : 1;
    return list.conv2d(`add_embedding.input_hint_block.${2 * index}`, input, sizes[index], outChannels, 3, { stride });
  }, "hint");
}

function contextLayer(projection: ContextProjection, features: number): Step {
  const path = "encoder_hid_proj";
  const { kind, inFeatures } = projection;
  const image = vector("image_embeds", kind === "text_image_proj" ? features : inFeatures);
  const takes = [...(kind === "image_proj" ? [] : [contextInput(inFeatures)]), ...(kind === "text_proj" ? [] : [image])];
  const list = new OperatorListBuilder(takes.map(({ name }) => name));
  const tokens = (count: number) => list.rearrange(list.linear(`${path}.image_embeds`, "image_embeds", kind === "image_proj" ? inFeatures : features, count * features), "n (l c) -> n l c", { l: count });
  const made = (): string => {
    switch (kind) {
      case "text_proj": return list.linear(path, "encoder_hidden_states", inFeatures, features);
      case "image_proj": return list.add({ op: "layerNorm", module: `${path}.norm`, input: tokens(imageTokens[kind]), features, epsilon: layerNormEpsilon, affine: "weight and bias" });
      case "text_image_proj": return list.add({ op: "concat", inputs: [tokens(imageTokens[kind]), list.linear(`${path}.text_proj`, "encoder_hidden_states", inFeatures, features)], axis: 1 });
    }
  };
  return describe(path, [path], takes, undefined, list.finish(made()));
}
