/**
 * What a layer computes: operators on named values, in order of execution. This one description is where parameter counts,
 * shapes, FLOPs, memory traffic, saved activations and ONNX graphs come from (`src/graph`). It holds no shapes but those of
 * parameters: a batch, an image size and a text length are bound later. Images are [N, C, H, W], tokens [N, L, C].
 *
 * `module` is the path of the torch module that holds an operator's parameters, below its layer's root: parameters are
 * called `module.weight` and `module.bias`, as in the state dict of diffusers and transformers. A value whose first dimension is
 * 1 at every batch (a position table) is the same for all samples.
 */

interface Unary {
  readonly input: string;
  readonly output: string;
}

/**
 * Over the spatial axes of [N, C, ...]: one entry of `kernel`, `stride` and paddings for each (image: height, width; video:
 * frames, height, width). Pads with zeros before and after.
 */
export interface Convolution extends Unary {
  readonly op: "convolution";
  readonly module: string;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly paddingBefore: readonly number[];
  readonly paddingAfter: readonly number[];
  readonly bias: boolean;
  /** 1 where left out. */
  readonly groups?: number;
}

/** y = x W^T + b over the last dimension; W is [outFeatures, inFeatures]. */
export interface Linear extends Unary {
  readonly op: "linear";
  readonly module: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}

/** Over groups of channels of [N, C, ...]. */
export interface GroupNorm extends Unary {
  readonly op: "groupNorm";
  readonly module: string;
  readonly groups: number;
  readonly channels: number;
  readonly epsilon: number;
}

/** Over the last `features` elements; a last dimension of several heads has each normalised alone, with the same parameters. */
interface FeatureNorm extends Unary {
  readonly module: string;
  readonly features: number;
  readonly epsilon: number;
}

export interface LayerNorm extends FeatureNorm {
  readonly op: "layerNorm";
  readonly affine: "weight and bias" | "weight" | "none";
}

/** x / sqrt(mean(x^2) + epsilon) * (offset + weight). */
export interface RmsNorm extends FeatureNorm {
  readonly op: "rmsNorm";
  /** Over the channels of [N, C, ...] instead of the last elements. */
  readonly axis?: 1;
  readonly affine: "weight" | "none";
  /** 1 where a weight of zero means no scaling (Gemma), else 0. */
  readonly offset: 0 | 1;
}

/** gelu is exact (erf), geluTanh its tanh approximation, quickGelu x * sigmoid(1.702 x). */
export type ActivationFunction = "silu" | "gelu" | "geluTanh" | "quickGelu" | "relu" | "mish";

export interface Activation extends Unary {
  readonly op: "activation";
  readonly function: ActivationFunction;
}

/** The last dimension is halved: first half * function(second half). */
export interface Gated extends Unary {
  readonly op: "gated";
  readonly function: ActivationFunction;
}

/** Elementwise; shapes broadcast as in NumPy. */
interface Binary {
  readonly left: string;
  readonly right: string;
  readonly output: string;
}

export interface Add extends Binary {
  readonly op: "add";
}

export interface Multiply extends Binary {
  readonly op: "multiply";
}

export interface Divide extends Binary {
  readonly op: "divide";
}

/** x * (1 + scale) + shift; scale and shift broadcast to x as in NumPy. */
export interface Modulate extends Unary {
  readonly op: "modulate";
  readonly scale: string;
  readonly shift: string;
}

/** x * factor + offset. */
export interface Scale extends Unary {
  readonly op: "scale";
  readonly factor: number;
  /** 0 where left out. */
  readonly offset?: number;
}

export interface Concat {
  readonly op: "concat";
  readonly inputs: readonly string[];
  /** Negative: from the end. */
  readonly axis: number;
  readonly output: string;
}

/** A value that is the same for all samples, [1, ...], as one for each sample of `like`. */
export interface PerSample extends Unary {
  readonly op: "perSample";
  readonly like: string;
}

/** A number of elements along an axis, or as many as another value has along an axis of its own. */
export type Extent = number | { readonly like: string; readonly axis: number };

/** `size` elements of an axis from `start` on; to the end where `size` is left out. */
export interface Slice extends Unary {
  readonly op: "slice";
  readonly axis: number;
  readonly start: Extent;
  readonly size?: Extent;
}

/**
 * Axes split, merged and permuted, in the notation of einops: "b c (h p) (w p) -> b (h w) (c p p)" needs two different names
 * for the two p, and sizes for one name of each group. 1 stands for an axis of one element on either side. Elements are
 * repeated along a name that only the right side has.
 */
export interface Rearrange extends Unary {
  readonly op: "rearrange";
  readonly pattern: string;
  readonly sizes?: Readonly<Record<string, number>>;
  /** Another value that sizes of names are read from: a pattern of all its axes. */
  readonly like?: { readonly value: string; readonly pattern: string };
}

/** softmax(scale q k^T + bias) v; query [N, L, heads * size], key [N, S, keyHeads * size], value likewise, of a size of its own. */
export interface Attention {
  readonly op: "attention";
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly heads: number;
  /** Fewer than `heads`: each serves heads/keyHeads query heads. As many where left out. */
  readonly keyHeads?: number;
  /** 1/sqrt(size) where left out. */
  readonly scale?: number;
  /** Token i sees tokens 0..i only. */
  readonly causal: boolean;
  /** Together with `causal`: of those, the last `window` only. */
  readonly window?: number;
  /** Added to the scores: broadcasts to [N, heads, L, S]. */
  readonly bias?: string;
  /** Scores are squashed to softcap * tanh(scores / softcap). */
  readonly softcap?: number;
  readonly output: string;
}

/**
 * Rotary position embedding of [N, L, heads * size] by tables [1 or N, L, size]: x cos + rotated(x) sin. "interleaved" rotates
 * pairs of neighbours, "halves" the first half of a head against the second.
 */
export interface Rotary extends Unary {
  readonly op: "rotary";
  readonly cos: string;
  readonly sin: string;
  readonly layout: "interleaved" | "halves";
}

/** Each pixel (or voxel) is repeated `factors` times along each spatial axis. */
export interface UpsampleNearest extends Unary {
  readonly op: "upsampleNearest";
  readonly factors: readonly number[];
}

/** Mean over non-overlapping windows of [N, C, H, W]. */
export interface AveragePool extends Unary {
  readonly op: "averagePool";
  readonly kernel: readonly number[];
}

/** Along an axis, of which one element is left. */
export interface Mean extends Unary {
  readonly op: "mean";
  readonly axis: number;
}

/** A learned tensor itself: `module` is its whole path, [1, ...] its shape as a value. */
export interface LearnedTensor {
  readonly op: "learnedTensor";
  readonly module: string;
  /** As in the state dict. */
  readonly shape: Shape;
  /** As a value. */
  readonly as: Shape;
  readonly output: string;
}

/** Sinusoids of the timestep [N] -> [N, channels] at frequencies 10000^(-i / (channels/2 - frequencyShift)). */
export interface TimestepEmbedding extends Unary {
  readonly op: "timestepEmbedding";
  readonly channels: number;
  /** Cosines before sines. */
  readonly flipSinToCos: boolean;
  readonly frequencyShift: number;
}

/**
 * Sinusoids of the timestep [N], or of its logarithm, -> [N, 2 * frequencies] at learned frequencies; sines before cosines unless flipped.
 */
export interface FourierEmbedding extends Unary {
  readonly op: "fourierEmbedding";
  readonly module: string;
  readonly frequencies: number;
  readonly flipSinToCos: boolean;
  readonly log: boolean;
}

/** Ids [N, ...] -> [N, ..., features]. */
export interface TokenEmbedding extends Unary {
  readonly op: "tokenEmbedding";
  readonly module: string;
  readonly vocabulary: number;
  readonly features: number;
}

/** Of each text in [N, L, features] the vector at one token of `ids` [N, L]: the first that is `token`, or the first of the largest id. */
export interface SelectToken extends Unary {
  readonly op: "selectToken";
  readonly ids: string;
  readonly token?: number;
}

/**
 * What T5 adds to attention scores: a learned number per head for each bucket of distances between two of the tokens of `like`
 * [N, L, features] -> [1, heads, L, L]. Half of the buckets is for tokens ahead; near distances have one each, far ones share
 * buckets that grow up to `maxDistance`.
 */
export interface RelativePositionBias {
  readonly op: "relativePositionBias";
  readonly module: string;
  readonly like: string;
  readonly heads: number;
  readonly buckets: number;
  readonly maxDistance: number;
  readonly output: string;
}

/** Adds a learned vector per position to [N, L, features]; L is at most `positions`. */
export interface PositionEmbedding extends Unary {
  readonly op: "positionEmbedding";
  readonly module: string;
  readonly positions: number;
  readonly features: number;
}

export type Operator =
  | Convolution | Linear | GroupNorm | LayerNorm | RmsNorm | Activation | Gated | Add | Multiply | Divide | Modulate | Scale | PerSample | Concat | Slice
  | Rearrange | Attention | Rotary | UpsampleNearest | AveragePool | Mean | LearnedTensor | TimestepEmbedding | FourierEmbedding | TokenEmbedding | SelectToken
  | RelativePositionBias | PositionEmbedding;

export type OperatorName = Operator["op"];
export type OperatorOf<N extends OperatorName> = Extract<Operator, { readonly op: N }>;

/** A layer's computation: values in, values named by operators, values out. Every value is assigned once. */
export interface OperatorList {
  readonly inputs: readonly string[];
  readonly operators: readonly Operator[];
  /** At least one. */
  readonly outputs: readonly string[];
}

/** Batch first. */
export type Shape = readonly number[];

/** How many elements a tensor of this shape has. */
export function elements(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}
