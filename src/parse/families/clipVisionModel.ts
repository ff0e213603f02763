/** transformers' CLIPVisionModel: patches and a class token, encoder layers, a norm of the class token; CLIPVisionModelWithProjection projects that. */
import { z } from "zod";
import { UserError } from "../../model/errors";
import type { OperatorList } from "../../model/operator";
import type { ComponentDescription, LayerDescription } from "../component";
import { channels, checkConfig, checkDescription, only } from "../config";
import { OperatorListBuilder } from "../operatorListBuilder";
import { checkHeads, encoderLayers, encoderSettings, expectSide, imageSide, layerNorm, penultimate } from "./blocks/clipEncoder";
import type { Encoder } from "./family";

/** Defaults are those of CLIPVisionConfig. */
const schema = z.object({
  model_type: only(["clip_vision_model"]).optional(),
  vision_config: z.undefined({ error: "A combined CLIP configuration is not supported: expected the vision model's own configuration" }).optional(),
  ...encoderSettings,
  hidden_size: encoderSettings.hidden_size.default(768),
  intermediate_size: encoderSettings.intermediate_size.default(3072),
  projection_dim: channels.default(512),
  num_hidden_layers: encoderSettings.num_hidden_layers.default(12),
  num_attention_heads: encoderSettings.num_attention_heads.default(12),
  num_channels: channels.default(3),
  image_size: imageSide.default(224),
  patch_size: imageSide.default(32),
  hidden_act: encoderSettings.hidden_act.default("quickGelu"),
  layer_norm_eps: encoderSettings.layer_norm_eps.default(1e-5),
});

/** @throws UserError for a configuration that transformers would refuse or that is not supported. */
export function parseClipVisionModel(config: unknown, file: string): Encoder {
  return describe(config, file, false);
}

/** @throws UserError for a configuration that transformers would refuse or that is not supported. */
export function parseClipVisionModelWithProjection(config: unknown, file: string): Encoder {
  return describe(config, file, true);
}

function describe(config: unknown, file: string, projects: boolean): Encoder {
  const settings = checkConfig(schema, config, file);
  checkHeads(settings, file);
  const { hidden_size: features, image_size: side, patch_size: patch, projection_dim, layer_norm_eps: epsilon } = settings;
  if (patch > side) throw new UserError(`A patch of ${patch} pixels in an image of ${side}.`, { file, field: "patch_size" });
  const prefix = projects ? "vision_model." : "";
  const encoder = encoderLayers(settings, `${prefix}encoder`, "embeddings", false);
  const last = encoder[encoder.length - 1].name;
  const layers: LayerDescription[] = [
    {
      name: "embeddings", kind: "clip_vision_embeddings", modules: [`${prefix}embeddings`, `${prefix}pre_layrnorm`], root: prefix,
      body: embeddings(settings), sources: { pixel_values: { input: "pixel_values" } },
    },
    ...encoder,
    { name: "post_layernorm", kind: "clip_vision_pooling", modules: [`${prefix}post_layernorm`], root: prefix, body: pooling(features, epsilon), sources: { hidden_states: { layer: last } } },
  ];
  if (projects) {
    const list = new OperatorListBuilder(["pooled"]);
    layers.push({
      name: "visual_projection", kind: "linear", modules: ["visual_projection"], root: "",
      body: list.finish(list.linear("visual_projection", "pooled", features, projection_dim, false)), sources: { pooled: { layer: "post_layernorm" } },
    });
  }
  const description: ComponentDescription = {
    class: projects ? "CLIPVisionModelWithProjection" : "CLIPVisionModel",
    inputs: [{ name: "pixel_values", type: "float32", shape: ({ height, width }) => [settings.num_channels, height, width] }],
    layers,
    outputs: {
      last_hidden_state: { layer: last, features },
      ...penultimate(settings, "embeddings"),
      ...(projects ? { image_embeds: { layer: "visual_projection", features: projection_dim } } : { pooler_output: { layer: "post_layernorm", features } }),
    },
    defaultSizes: { height: side, width: side, sequenceLength: 1 },
    checkSizes: (sizes) => expectSide(sizes, side),
  };
  return { kind: "imageEncoder", description: checkDescription(description, file, "") };
}

/** Patches as tokens behind the class token, with positions; what does not fill a patch is cut off. */
function embeddings({ num_channels, hidden_size: features, image_size: side, patch_size: patch, layer_norm_eps }: z.infer<typeof schema>): OperatorList {
  const list = new OperatorListBuilder(["pixel_values"]);
  const image = list.conv2d("embeddings.patch_embedding", "pixel_values", num_channels, features, patch, { stride: patch, paddingBefore: 0, paddingAfter: 0, bias: false });
  const patches = list.imageToTokens(image);
  const learned = list.add({ op: "learnedTensor", module: "embeddings.class_embedding", shape: [features], as: [1, 1, features] });
  const tokens = list.add({ op: "concat", inputs: [list.add({ op: "perSample", input: learned, like: patches }), patches], axis: 1 });
  const positions = Math.floor(side / patch) ** 2 + 1;
  const placed = list.add({ op: "positionEmbedding", module: "embeddings.position_embedding", input: tokens, positions, features });
  return list.finish(layerNorm(list, "pre_layrnorm", placed, features, layer_norm_eps));
}

function pooling(features: number, epsilon: number): OperatorList {
  const list = new OperatorListBuilder(["hidden_states"]);
  const token = list.rearrange(list.add({ op: "slice", input: "hidden_states", axis: 1, start: 0, size: 1 }), "n 1 c -> n c");
  return list.finish(layerNorm(list, "post_layernorm", token, features, epsilon));
}
