/** The families by the class names that diffusers and transformers give them. */
import { parseAutoencoderKl } from "./autoencoderKl";
import { parseClipTextModel } from "./clipTextModel";
import { parseCogVideoXTransformer3dModel } from "./cogVideoXTransformer3dModel";
import { parseDitTransformer2dModel } from "./ditTransformer2dModel";
import type { FamilyParser } from "./family";
import { parseFluxTransformer2dModel } from "./fluxTransformer2dModel";
import { parsePixArtTransformer2dModel } from "./pixArtTransformer2dModel";
import { parseSd3Transformer2dModel } from "./sd3Transformer2dModel";
import { parseTransformer2dModel } from "./transformer2dModel";
import { parseUnet2dModel } from "./unet2dModel";
import { parseControlNetModel } from "./controlNetModel";
import { parseUnet2dConditionModel } from "./unet2dConditionModel";
import { parseWanTransformer3dModel } from "./wanTransformer3dModel";

export const families: ReadonlyMap<string, FamilyParser> = new Map<string, FamilyParser>([
  ["AutoencoderKL", parseAutoencoderKl],
  ["CLIPTextModel", parseClipTextModel],
  ["CogVideoXTransformer3DModel", parseCogVideoXTransformer3dModel],
  ["DiTTransformer2DModel", parseDitTransformer2dModel],
  ["FluxTransformer2DModel", parseFluxTransformer2dModel],
  ["PixArtTransformer2DModel", parsePixArtTransformer2dModel],
  ["SD3Transformer2DModel", parseSd3Transformer2dModel],
  ["Transformer2DModel", parseTransformer2dModel],
  ["UNet2DModel", parseUnet2dModel],
  ["ControlNetModel", parseControlNetModel],
  ["UNet2DConditionModel", parseUnet2dConditionModel],
  ["WanTransformer3DModel", parseWanTransformer3dModel],
]);
