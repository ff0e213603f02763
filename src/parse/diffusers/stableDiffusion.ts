/** Pipelines of a text encoder, an image autoencoder and a UNet on its latents: Stable Diffusion 1.x and 2.x. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import { checkConfig } from "../config";
import { parseAutoencoderKl, type AutoencoderKl } from "../families/autoencoderKl";
import { parseClipTextModel, type ClipTextModel } from "../families/clipTextModel";
import { parseUnet2dConditionModel, type Unet2dConditionModel } from "../families/unet2dConditionModel";
import type { DataValue, Pipeline } from "../pipeline";
import type { ConfigFile, DiffusersFolder } from "./folder";
import { expectComponent, type ModelIndex } from "./modelIndex";

const parts = { text_encoder: "CLIPTextModel", vae: "AutoencoderKL", unet: "UNet2DConditionModel" } as const;
/** Parts of a pipeline folder that training runs no layers of. */
const unused = new Set(["scheduler", "tokenizer", "feature_extractor", "safety_checker", "image_encoder"]);
/** Latents per side where the configuration names no size: that of Stable Diffusion 1. */
const usualLatentSize = 64;

const schedulerSchema = z.object({
  prediction_type: z.enum(["epsilon", "v_prediction", "sample"]).default("epsilon"),
});

/** @throws UserError naming file and field. */
export async function readStableDiffusion(folder: DiffusersFolder, index: ModelIndex): Promise<Pipeline> {
  for (const [name, className] of index.components) {
    if (!(name in parts) && !unused.has(name)) throw new UserError(`The component "${name.slice(0, 100)}" (${className.slice(0, 100)}) is not supported.`, { file: index.file, field: name.slice(0, 100) });
  }
  for (const [name, className] of Object.entries(parts)) expectComponent(index, name, className);
  const textFile = await folder.read("text_encoder", "config.json");
  const vaeFile = await folder.read("vae", "config.json");
  const unetFile = await folder.read("unet", "config.json");
  const schedulerFile = index.components.has("scheduler") ? await folder.read("scheduler", "scheduler_config.json") : undefined;
  const text = parseClipTextModel(textFile.json, textFile.file);
  const vae = parseAutoencoderKl(vaeFile.json, vaeFile.file);
  const unet = parseUnet2dConditionModel(unetFile.json, unetFile.file);
  checkFit(text, vae, unet, unetFile);
  const predictionType = schedulerFile ? checkConfig(schedulerSchema, schedulerFile.json, schedulerFile.file).prediction_type : "epsilon";
  return wire(index.class, predictionType, text, vae, unet);
}

/** @throws UserError when the components' sizes do not fit each other. */
function checkFit(text: ClipTextModel, vae: AutoencoderKl, unet: Unet2dConditionModel, { file }: ConfigFile): void {
  const { inChannels, outChannels, levels } = unet.config;
  const odd = levels.find((level) => level.crossAttentionFeatures !== text.hiddenSize);
  if (odd) throw new UserError(`${odd.crossAttentionFeatures} features, but the text encoder's hidden_size is ${text.hiddenSize}.`, { file, field: "cross_attention_dim" });
  if (inChannels < vae.latentChannels) throw new UserError(`${inChannels} channels, but the autoencoder makes ${vae.latentChannels}.`, { file, field: "in_channels" });
  if (outChannels !== vae.latentChannels) throw new UserError(`${outChannels} channels, but the loss compares with the autoencoder's ${vae.latentChannels}.`, { file, field: "out_channels" });
}

function wire(className: string, predictionType: Pipeline["predictionType"], text: ClipTextModel, vae: AutoencoderKl, unet: Unet2dConditionModel): Pipeline {
  const latent = (channels: number) => ({ height, width }: Bindings) => [channels, height / vae.downsampling, width / vae.downsampling];
  const image = ({ height, width }: Bindings) => [vae.imageChannels, height, width];
  const tokens = ({ sequenceLength }: Bindings) => [sequenceLength];
  /** Beyond the latents themselves: masks and masked latents of an inpainting model, prepared with the data. */
  const conditioning = unet.config.inChannels - vae.latentChannels;
  const data: DataValue[] = [
    { name: "timesteps", type: "int64", shape: () => [] },
    { name: "noise", type: "float32", shape: latent(vae.latentChannels) },
    ...(conditioning > 0 ? [{ name: "conditioning", type: "float32" as const, shape: latent(conditioning) }] : []),
    { name: "pixel_values", type: "float32", shape: image },
    { name: "input_ids", type: "int64", shape: tokens },
  ];
  const multiple = vae.downsampling * unet.downsampling;
  return {
    class: className,
    predictionType,
    data,
    components: [
      { name: "text_encoder", description: text.description, inputs: { input_ids: { shape: tokens, from: [{ data: "input_ids" }] } } },
      { name: "vae", description: vae.description, inputs: { sample: { shape: image, from: [{ data: "pixel_values" }] } } },
      {
        name: "unet",
        description: unet.description,
        inputs: {
          sample: {
            shape: latent(unet.config.inChannels),
            from: [{ component: "vae" }, { data: "noise" }, { data: "timesteps" }, ...(conditioning > 0 ? [{ data: "conditioning" }] : [])],
          },
          timestep: { shape: () => [], from: [{ data: "timesteps" }] },
          encoder_hidden_states: { shape: ({ sequenceLength }) => [sequenceLength, text.hiddenSize], from: [{ component: "text_encoder" }] },
        },
      },
    ],
    loss: { component: "unet", needs: [{ component: "vae" }, { data: "noise" }, { data: "timesteps" }] },
    trainable: ["unet", "text_encoder"],
    defaultBindings: defaultBindings(text, vae, unet, multiple),
    checkBindings(bindings) {
      for (const side of ["height", "width"] as const) {
        if (bindings[side] % multiple !== 0) throw new UserError(`${bindings[side]} is not a multiple of ${multiple}, by which the model shrinks an image.`, { field: side });
      }
      if (bindings.sequenceLength > text.maxPositions) {
        throw new UserError(`The text encoder takes at most ${text.maxPositions} tokens, found ${bindings.sequenceLength}.`, { field: "sequenceLength" });
      }
    },
  };
}

/** The configuration's sample size in pixels, rounded up to what the model can halve as often as it does. */
function defaultBindings(text: ClipTextModel, vae: AutoencoderKl, unet: Unet2dConditionModel, multiple: number): Bindings {
  const [height, width] = unet.config.sampleSize ?? [usualLatentSize, usualLatentSize];
  const pixels = (latents: number) => Math.ceil((latents * vae.downsampling) / multiple) * multiple;
  return { height: pixels(height), width: pixels(width), sequenceLength: text.maxPositions };
}
