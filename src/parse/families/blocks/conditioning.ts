/** What transformers are conditioned on: timesteps, guidance, sizes and pooled texts, each as one vector per sample. */
import type { ActivationFunction } from "../../../model/operator";
import type { LayerDescription } from "../../component";
import { OperatorListBuilder } from "../../operatorListBuilder";

/** Of the sinusoids in all of diffusers' combined embeddings. */
export const sinusoidFeatures = 256;

/** linear_1, an activation, linear_2: diffusers' TimestepEmbedding and PixArtAlphaTextProjection. */
export function projection(list: OperatorListBuilder, path: string, input: string, inFeatures: number, features: number, activation: ActivationFunction): string {
  return list.linear(`${path}.linear_2`, list.activation(activation, list.linear(`${path}.linear_1`, input, inFeatures, features)), features, features);
}

/** Numbers [N] as vectors: sinusoids, then a projection. */
export function embeddedNumber(list: OperatorListBuilder, path: string, input: string, features: number, frequencyShift = 0): string {
  const sinusoids = list.add({ op: "timestepEmbedding", input, channels: sinusoidFeatures, flipSinToCos: true, frequencyShift });
  return projection(list, path, sinusoids, sinusoidFeatures, features, "silu");
}

export interface TimeTextOptions {
  readonly features: number;
  readonly pooledFeatures: number;
  /** A model distilled from guidance takes its strength. */
  readonly guidance: boolean;
  /** What timestep and guidance are multiplied with first. */
  readonly factor: number;
}

/** The layer "time_text_embed" of SD3 and FLUX: timestep, guidance and pooled text as one vector. */
export function timeTextLayer({ features, pooledFeatures, guidance, factor }: TimeTextOptions): LayerDescription {
  const inputs = ["timestep", ...(guidance ? ["guidance"] : []), "pooled_projections"];
  const list = new OperatorListBuilder(inputs);
  const number = (name: string, module: string) => embeddedNumber(list, module, factor === 1 ? name : list.add({ op: "scale", input: name, factor }), features);
  const time = number("timestep", "timestep_embedder");
  const numbers = guidance ? list.sum(time, number("guidance", "guidance_embedder")) : time;
  const body = list.finish(list.sum(numbers, projection(list, "text_embedder", "pooled_projections", pooledFeatures, features, "silu")));
  return {
    name: "time_text_embed", kind: "time_text_embedding", modules: ["time_text_embed"], root: "time_text_embed.", body,
    sources: Object.fromEntries(inputs.map((input) => [input, { input }])),
  };
}
