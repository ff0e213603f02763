/** Which model a file of weights holds, by the names of its tensors. */
import type { ModelIndex } from "../source";
import { UserError } from "../../model/errors";
import { autoencoderKl, clipOfOpenClip, clipOfTransformers, t5Encoder, type TextEncoder } from "./encoders";
import { fluxTransformer } from "./flux";
import type { SafetensorsHeader } from "./header";
import { TensorShapes } from "./tensors";
import { unetFromDiffusers, unetFromLdm } from "./unet";

type Json = Readonly<Record<string, unknown>>;

export interface Recognised {
  readonly index: ModelIndex;
  /** By component. */
  readonly configs: ReadonlyMap<string, Json>;
}

interface Part {
  readonly class: string;
  readonly json: Json;
}

const backbonePrefixes = ["model.diffusion_model.", "diffusion_model.", "transformer.", ""];
const autoencoderPrefixes = ["first_stage_model.", "vae."];
/** Names that only other kinds of files have, and what those are. */
const refused: readonly [RegExp, string][] = [
  [/\.(?:lora_up|lora_down|lora_A|lora_B|lora\.up|lora\.down)\b|\.(?:hada_w1_a|lokr_w1)/, "These are adapters (LoRA), not a model. Inspect the model that they are for."],
  [/\.(?:quant_state\.|absmax|qweight|quant_map)/, "The weights are packed by a quantisation, so that their shapes do not tell the model. Inspect the model that it was made from."],
  [/(?:^|\.)distilled_guidance_layer\./, "This looks like a Chroma model, which is not supported; expected Stable Diffusion 1.x, 2.x, XL or FLUX.1."],
  [/(?:^|\.)(?:double_stream_modulation_img|single_stream_modulation|early_stream_modulations)\./, "This looks like a successor of FLUX.1, which is not supported; expected Stable Diffusion 1.x, 2.x, XL or FLUX.1."],
  [/(?:^|\.)joint_blocks\./, "This looks like Stable Diffusion 3, which is read from a diffusers folder only."],
  [/^control_model\.|(?:^|\.)controlnet_cond_embedding\./, "This looks like a ControlNet, which is read from a diffusers folder only."],
];

/** @throws UserError when the file holds no model of a known family, or one that its family does not have. */
export function recognise(header: SafetensorsHeader): Recognised {
  const all = TensorShapes.of(header);
  for (const name of all.names) {
    const why = refused.find(([pattern]) => pattern.test(name));
    if (why) throw new UserError(why[1], { file: header.file, field: name.slice(0, 200) });
  }
  const ldm = backbonePrefixes.find((prefix) => all.hasUnder(`${prefix}input_blocks.`));
  if (ldm !== undefined) return stableDiffusion(header, all, all.under(ldm));
  const flux = backbonePrefixes.find((prefix) => all.hasUnder(`${prefix}double_blocks.`));
  if (flux !== undefined) return fluxPipeline(header, all, all.under(flux));
  return single(header, all);
}

function stableDiffusion(header: SafetensorsHeader, all: TensorShapes, unetTensors: TensorShapes): Recognised {
  const parts = new Map<string, Part>();
  const encoders = stableDiffusionEncoders(all);
  for (const [name, part] of encoders) parts.set(name, part);
  const autoencoder = autoencoderOf(all);
  if (autoencoder) parts.set("vae", autoencoder);
  const isXl = all.hasUnder("conditioner.embedders.") || (unetTensors.has("label_emb.0.0.weight") && !all.hasUnder("cond_stage_model."));
  const isV2 = all.hasUnder("cond_stage_model.model.");
  const predictionType = predictionOf(header, isV2 || all.has("v_pred"));
  const pooled = encoders.get("text_encoder_2")?.json.projection_dim;
  const sampleSize = isXl ? 128 : isV2 && predictionType === "v_prediction" ? 96 : 64;
  const json = unetFromLdm(unetTensors, { sampleSize, ...(typeof pooled === "number" && { pooledFeatures: pooled }) });
  parts.set("unet", { class: "UNet2DConditionModel", json });
  const inpainting = json.in_channels === 9 ? "Inpaint" : json.in_channels === 8 ? "InstructPix2Pix" : "";
  const scheduler: Part = { class: "DDIMScheduler", json: { _class_name: "DDIMScheduler", num_train_timesteps: 1000, prediction_type: predictionType } };
  return whole(header, `StableDiffusion${isXl ? "XL" : ""}${inpainting}Pipeline`, parts, scheduler);
}

/** Where each release keeps its text encoders. */
function stableDiffusionEncoders(all: TensorShapes): ReadonlyMap<string, TextEncoder> {
  const encoders = new Map<string, TextEncoder>();
  const at = (prefix: string) => (all.hasUnder(prefix) ? all.under(prefix) : undefined);
  const first = at("cond_stage_model.transformer.") ?? at("conditioner.embedders.0.transformer.");
  const openFirst = at("cond_stage_model.model.");
  // A refiner has the second encoder alone, as its first embedder.
  const openSecond = at("conditioner.embedders.1.model.") ?? at("conditioner.embedders.0.model.");
  if (first) encoders.set("text_encoder", clipOfTransformers(first, false));
  if (openFirst) encoders.set("text_encoder", clipOfOpenClip(openFirst, false));
  if (openSecond) encoders.set("text_encoder_2", clipOfOpenClip(openSecond, true));
  return encoders;
}

function autoencoderOf(all: TensorShapes): Part | undefined {
  const prefix = autoencoderPrefixes.find((candidate) => all.hasUnder(`${candidate}encoder.`));
  return prefix === undefined ? undefined : { class: "AutoencoderKL", json: autoencoderKl(all.under(prefix)) };
}

/** Not to be seen in shapes: what the file says of itself, else what its release was trained with. */
function predictionOf({ metadata }: SafetensorsHeader, usuallyVelocity: boolean): "epsilon" | "v_prediction" {
  const said = metadata["modelspec.prediction_type"];
  if (said === "epsilon") return "epsilon";
  if (said === "v" || said === "v_prediction") return "v_prediction";
  return usuallyVelocity ? "v_prediction" : "epsilon";
}

function fluxPipeline(header: SafetensorsHeader, all: TensorShapes, transformer: TensorShapes): Recognised {
  const parts = new Map<string, Part>();
  if (all.hasUnder("text_encoders.clip_l.transformer.")) parts.set("text_encoder", clipOfTransformers(all.under("text_encoders.clip_l.transformer."), false));
  if (all.hasUnder("text_encoders.t5xxl.transformer.")) parts.set("text_encoder_2", t5Encoder(all.under("text_encoders.t5xxl.transformer.")));
  const autoencoder = autoencoderOf(all);
  if (autoencoder) parts.set("vae", autoencoder);
  parts.set("transformer", { class: "FluxTransformer2DModel", json: fluxTransformer(transformer, "authors") });
  return whole(header, "FluxPipeline", parts, { class: "FlowMatchEulerDiscreteScheduler", json: { _class_name: "FlowMatchEulerDiscreteScheduler", num_train_timesteps: 1000 } });
}

/** One component in a file of its own. */
function single(header: SafetensorsHeader, all: TensorShapes): Recognised {
  if (all.hasUnder("single_transformer_blocks.") && all.has("x_embedder.weight")) return alone(header, "transformer", { class: "FluxTransformer2DModel", json: fluxTransformer(all, "diffusers") });
  if (all.hasUnder("down_blocks.") && all.hasUnder("mid_block.") && all.has("conv_in.weight")) {
    const json = unetFromDiffusers(all, { sampleSize: all.has("add_embedding.linear_1.weight") ? 128 : 64 });
    return alone(header, "unet", { class: "UNet2DConditionModel", json });
  }
  if (all.has("encoder.conv_in.weight")) return alone(header, "vae", { class: "AutoencoderKL", json: autoencoderKl(all) });
  const autoencoder = autoencoderOf(all);
  if (autoencoder) return alone(header, "vae", autoencoder);
  if (all.has("text_model.embeddings.token_embedding.weight") || all.has("embeddings.token_embedding.weight")) return alone(header, "text_encoder", clipOfTransformers(all, true));
  if (all.has("encoder.block.0.layer.0.SelfAttention.q.weight")) return alone(header, "text_encoder", t5Encoder(all));
  throw new UserError("The names of its tensors are those of no known family.", { file: header.file, hint: "Expected Stable Diffusion 1.x, 2.x, XL or FLUX.1, whole or a component of them." });
}

function whole(header: SafetensorsHeader, pipeline: string, parts: ReadonlyMap<string, Part>, scheduler: Part): Recognised {
  if (parts.size === 1) return alone(header, ...[...parts.entries()][0]);
  return recognised(header, pipeline, new Map([...parts, ["scheduler", scheduler]]));
}

/** A component without its pipeline: the index has the component's class in place of a pipeline's. */
function alone(header: SafetensorsHeader, name: string, part: Part): Recognised {
  return recognised(header, part.class, new Map([[name, part]]));
}

function recognised(header: SafetensorsHeader, className: string, parts: ReadonlyMap<string, Part>): Recognised {
  return {
    index: { file: header.file, class: className, components: new Map([...parts].map(([name, part]) => [name, part.class])) },
    configs: new Map([...parts].map(([name, part]) => [name, part.json])),
  };
}
