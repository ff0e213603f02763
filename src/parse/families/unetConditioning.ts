/** Settings of timestep, classes, added embeddings and context that diffusers' UNets and ControlNets share. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { ActivationFunction } from "../../model/operator";
import { channels, count, flag } from "../config";
import { diffusersActivation } from "./activations";
import type { AddedEmbedding, ClassEmbedding, Conditioning, ContextProjection, TimeProjection } from "./blocks/unetEmbeddings";

const absentOr = <T extends z.ZodType>(type: T) => type.nullable().default(null);

export const conditioningFields = {
  flip_sin_to_cos: z.boolean().default(true),
  freq_shift: z.number().min(0).max(1_000_000).default(0),
  encoder_hid_dim: absentOr(channels),
  encoder_hid_dim_type: absentOr(z.enum(["text_proj", "text_image_proj", "image_proj"])),
  class_embed_type: absentOr(z.enum(["timestep", "identity", "projection", "simple_projection"])),
  num_class_embeds: absentOr(count.max(1_000_000)),
  class_embeddings_concat: flag.default(false),
  addition_embed_type: absentOr(z.enum(["text", "text_image", "text_time", "image", "image_hint"])),
  addition_embed_type_num_heads: channels.default(64),
  addition_time_embed_dim: absentOr(channels),
  projection_class_embeddings_input_dim: absentOr(channels),
  time_embedding_type: z.enum(["positional", "fourier"]).default("positional"),
  time_embedding_dim: absentOr(channels),
  time_embedding_act_fn: absentOr(diffusersActivation),
  timestep_post_act: absentOr(diffusersActivation),
  time_cond_proj_dim: absentOr(channels),
} as const;

type Settings = { readonly [K in keyof typeof conditioningFields]: z.output<(typeof conditioningFields)[K]> } & { readonly act_fn: ActivationFunction; readonly cross_attention_dim: number | readonly number[] };

/** Numbers in SDXL's `time_ids`: original size, crop and target size; its refiner has a score instead of the target size. */
const usualNumbers = 6;
const refinerNumbers = 5;
/** Of the pooled text that SDXL and its refiner take. */
const sdxlTextFeatures = 1280;

/** @param place `width` of the first block, and features of the context. @throws UserError */
export function readConditioning(settings: Settings, place: { readonly file: string; readonly width: number; readonly contextFeatures: number }): Conditioning {
  const { file, contextFeatures } = place;
  const refuse = (field: string, message: string) => new UserError(message, { file, field });
  const time = timeProjection(settings, place.width, refuse);
  const classes = classEmbedding(settings, refuse);
  const added = addedEmbedding(settings, contextFeatures, refuse);
  const contextProjection = projectionOfContext(settings, refuse);
  const needsOneContext = contextProjection !== undefined || added?.kind === "text_image" || (added?.kind === "text" && settings.encoder_hid_dim === null);
  if (needsOneContext && typeof settings.cross_attention_dim !== "number") throw refuse("cross_attention_dim", "Expected one number: the embeddings are projected to it.");
  if (settings.class_embeddings_concat && (!classes || added)) {
    throw refuse("class_embeddings_concat", classes ? "An embedding of another size cannot be added to time and classes together." : "There are no classes to concatenate.");
  }
  if (classes?.kind === "timestep" && time.kind !== "positional") throw refuse("class_embed_type", "Classes as timesteps are supported with sinusoids only.");
  if (added?.kind === "text_time" && time.kind !== "positional") throw refuse("addition_embed_type", "Sizes are supported with sinusoids of the timestep only.");
  return {
    time,
    features: timeFeatures(settings, place.width),
    activation: settings.act_fn,
    ...(settings.timestep_post_act && { postActivation: settings.timestep_post_act }),
    ...(settings.time_cond_proj_dim !== null && { guidanceFeatures: settings.time_cond_proj_dim }),
    ...(settings.time_embedding_act_fn && { finalActivation: settings.time_embedding_act_fn }),
    ...(classes && { classes, classesConcatenated: settings.class_embeddings_concat }),
    ...(added && { added }),
    ...(contextProjection && { contextProjection }),
    contextFeatures,
  };
}

type Refuse = (field: string, message: string) => UserError;

function timeFeatures({ time_embedding_type, time_embedding_dim }: Settings, width: number): number {
  return time_embedding_dim ?? (time_embedding_type === "fourier" ? 2 : 4) * width;
}

function timeProjection(settings: Settings, width: number, refuse: Refuse): TimeProjection {
  const { flip_sin_to_cos: flipSinToCos, freq_shift } = settings;
  if (settings.time_embedding_type === "fourier") {
    const features = timeFeatures(settings, width);
    if (features % 2 !== 0) throw refuse("time_embedding_dim", `A Fourier embedding needs an even number of features, found ${features}.`);
    return { kind: "fourier", channels: features / 2, flipSinToCos, log: false };
  }
  return sinusoids(width, flipSinToCos, freq_shift, refuse);
}

/** @throws UserError for a width or a shift that has no sinusoids. */
export function sinusoids(width: number, flipSinToCos: boolean, frequencyShift: number, refuse: Refuse): TimeProjection {
  if (width % 2 !== 0) throw refuse("block_out_channels[0]", `The timestep embedding needs an even number of channels, found ${width}.`);
  if (width / 2 === frequencyShift) throw refuse("freq_shift", "This shift divides the timestep's frequencies by zero.");
  return { kind: "positional", channels: width, flipSinToCos, frequencyShift };
}

function classEmbedding({ class_embed_type: kind, num_class_embeds, projection_class_embeddings_input_dim: inFeatures }: Settings, refuse: Refuse): ClassEmbedding | undefined {
  if (kind === null) return num_class_embeds === null ? undefined : { kind: "table", count: num_class_embeds };
  if (kind === "timestep" || kind === "identity") return { kind };
  if (inFeatures === null) throw refuse("projection_class_embeddings_input_dim", `A number is needed for the class_embed_type "${kind}".`);
  return { kind, inFeatures };
}

function addedEmbedding(settings: Settings, contextFeatures: number, refuse: Refuse): AddedEmbedding | undefined {
  const { addition_embed_type: kind, addition_embed_type_num_heads: heads, encoder_hid_dim } = settings;
  switch (kind) {
    case null: return undefined;
    case "text": {
      const inFeatures = encoder_hid_dim ?? contextFeatures;
      if (inFeatures % heads !== 0) throw refuse("addition_embed_type_num_heads", `${inFeatures} features cannot be divided into ${heads} heads.`);
      return { kind, inFeatures, heads };
    }
    case "text_image": return { kind, inFeatures: contextFeatures };
    case "image": case "image_hint":
      if (encoder_hid_dim === null) throw refuse("encoder_hid_dim", `A number is needed for the addition_embed_type "${kind}".`);
      return { kind, inFeatures: encoder_hid_dim };
    case "text_time": {
      const { projection_class_embeddings_input_dim: whole, addition_time_embed_dim: channels, freq_shift } = settings;
      if (whole === null) throw refuse("projection_class_embeddings_input_dim", `A number is needed for the addition_embed_type "${kind}".`);
      if (channels === null) throw refuse("addition_time_embed_dim", `A number is needed for the addition_embed_type "${kind}".`);
      if (channels % 2 !== 0 || channels / 2 === freq_shift) throw refuse("addition_time_embed_dim", `There are no sinusoids of ${channels} channels.`);
      const numbers = whole - refinerNumbers * channels === sdxlTextFeatures ? refinerNumbers : usualNumbers;
      const textFeatures = whole - numbers * channels;
      if (textFeatures < 1) throw refuse("projection_class_embeddings_input_dim", `${whole} features leave none for the text beside ${numbers} numbers of ${channels} each.`);
      return { kind, textFeatures, numbers, channels };
    }
  }
}

function projectionOfContext({ encoder_hid_dim, encoder_hid_dim_type }: Settings, refuse: Refuse): ContextProjection | undefined {
  if (encoder_hid_dim === null) {
    if (encoder_hid_dim_type !== null) throw refuse("encoder_hid_dim", `A number is needed for the encoder_hid_dim_type "${encoder_hid_dim_type}".`);
    return undefined;
  }
  return { kind: encoder_hid_dim_type ?? "text_proj", inFeatures: encoder_hid_dim };
}
