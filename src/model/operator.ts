/**
 * What a layer computes: operators on named values, in order of execution. This one description is where parameter counts,
 * shapes, FLOPs, memory traffic, saved activations and ONNX graphs come from (`src/graph`). It holds no shapes but those of
 * parameters: a batch, an image size and a text length are bound later. Images are [N, C, H, W], tokens [N, L, C].
 *
 * `module` is the path of the torch module that holds an operator's parameters, below its layer's root: parameters are
 * called `module.weight` and `module.bias`, as in the state dict of diffusers and transformers.
 */

interface Unary {
  readonly input: string;
  readonly output: string;
}

/** Square kernel. The padding is in zeros, the same in both directions: `paddingBefore` on top and left, `paddingAfter` below and right. */
export interface Conv2d extends Unary {
  readonly op: "conv2d";
  readonly module: string;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly paddingBefore: number;
  readonly paddingAfter: number;
}

/** y = x W^T + b over the last dimension; W is [outFeatures, inFeatures]. */
export interface Linear extends Unary {
  readonly op: "linear";
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}

export interface GroupNorm extends Unary {
  readonly op: "groupNorm";
  readonly module: string;
  readonly groups: number;
  readonly channels: number;
  readonly epsilon: number;
}

/** Over the last dimension. */
export interface LayerNorm extends Unary {
  readonly op: "layerNorm";
  readonly module: string;
  readonly features: number;
  readonly epsilon: number;
}

/** gelu is exact (erf), geluTanh its tanh approximation, quickGelu x * sigmoid(1.702 x). */
export type ActivationFunction = "silu" | "gelu" | "geluTanh" | "quickGelu" | "relu" | "mish";

export interface Activation extends Unary {
  readonly op: "activation";
  readonly function: ActivationFunction;
}

/** The last dimension is halved: first half * gelu(second half). */
export interface Geglu extends Unary {
  readonly op: "geglu";
}

/** Values of one shape. */
export interface Add {
  readonly op: "add";
  readonly left: string;
  readonly right: string;
  readonly output: string;
}

/** Adds [N, C] to every pixel of [N, C, H, W]. */
export interface AddChannelBias extends Unary {
  readonly op: "addChannelBias";
  readonly bias: string;
}

export interface Scale extends Unary {
  readonly op: "scale";
  readonly factor: number;
}

/** Along channels. */
export interface Concat {
  readonly op: "concat";
  readonly inputs: readonly string[];
  readonly output: string;
}

/** softmax(q k^T / sqrt(features per head)) v; query [N, L, D], key and value [N, S, D], D = heads * features per head. */
export interface Attention {
  readonly op: "attention";
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly heads: number;
  /** Token i sees tokens 0..i only. */
  readonly causal: boolean;
  readonly output: string;
}

/** [N, C, H, W] -> [N, H*W, C]. */
export interface ImageToTokens extends Unary {
  readonly op: "imageToTokens";
}

/** [N, H*W, C] -> [N, C, H, W] with the height and width of the image `like`. */
export interface TokensToImage extends Unary {
  readonly op: "tokensToImage";
  readonly like: string;
}

export interface UpsampleNearest2x extends Unary {
  readonly op: "upsampleNearest2x";
}

/** Sinusoids of the timestep [N] -> [N, channels] at frequencies 10000^(-i / (channels/2 - frequencyShift)). */
export interface TimestepEmbedding extends Unary {
  readonly op: "timestepEmbedding";
  readonly channels: number;
  /** Cosines before sines. */
  readonly flipSinToCos: boolean;
  readonly frequencyShift: number;
}

/** Token ids [N, L] -> [N, L, features]. */
export interface TokenEmbedding extends Unary {
  readonly op: "tokenEmbedding";
  readonly module: string;
  readonly vocabulary: number;
  readonly features: number;
}

/** Adds a learned vector per position to [N, L, features]; L is at most `positions`. */
export interface PositionEmbedding extends Unary {
  readonly op: "positionEmbedding";
  readonly module: string;
  readonly positions: number;
  readonly features: number;
}

export type Operator =
  | Conv2d | Linear | GroupNorm | LayerNorm | Activation | Geglu | Add | AddChannelBias | Scale | Concat
  | Attention | ImageToTokens | TokensToImage | UpsampleNearest2x | TimestepEmbedding | TokenEmbedding | PositionEmbedding;

export type OperatorName = Operator["op"];
export type OperatorOf<N extends OperatorName> = Extract<Operator, { readonly op: N }>;

/** A layer's computation: values in, values named by operators, one value out. Every value is assigned once. */
export interface OperatorList {
  readonly inputs: readonly string[];
  readonly operators: readonly Operator[];
  readonly output: string;
}

/** Batch first. */
export type Shape = readonly number[];

/** How many elements a tensor of this shape has. */
export function elements(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}
