/** The families by the class names that diffusers and transformers give them. */
import { parseAsymmetricAutoencoderKl, parseAutoencoderKl, parseAutoencoderKlTemporalDecoder, parseVqModel } from "./autoencoderKl";
import { parseAutoencoderKlCogVideoX } from "./autoencoderKlCogVideoX";
import { parseAutoencoderKlWan } from "./autoencoderKlWan";
import { parseAutoencoderTiny } from "./autoencoderTiny";
import { parseClipTextModel, parseClipTextModelWithProjection } from "./clipTextModel";
import { parseClipVisionModel, parseClipVisionModelWithProjection } from "./clipVisionModel";
import { parseCogVideoXTransformer3dModel } from "./cogVideoXTransformer3dModel";
import { parseControlNetModel } from "./controlNetModel";
import { parseDitTransformer2dModel } from "./ditTransformer2dModel";
import { decoderFamilies } from "./decoderLanguageModel";
import type { FamilyParser } from "./family";
import { parseFluxTransformer2dModel } from "./fluxTransformer2dModel";
import { parsePixArtTransformer2dModel } from "./pixArtTransformer2dModel";
import { parseSd3Transformer2dModel } from "./sd3Transformer2dModel";
import { parseT5EncoderModel, parseUmt5EncoderModel } from "./t5EncoderModel";
import { parseTransformer2dModel } from "./transformer2dModel";
import { parseUnet2dConditionModel } from "./unet2dConditionModel";
import { parseUnet2dModel } from "./unet2dModel";
import { parseUnet3dConditionModel } from "./unet3dConditionModel";
import { parseWanTransformer3dModel } from "./wanTransformer3dModel";

export const families: ReadonlyMap<string, FamilyParser> = new Map<string, FamilyParser>([
  ["AsymmetricAutoencoderKL", parseAsymmetricAutoencoderKl],
  ["AutoencoderKL", parseAutoencoderKl],
  ["AutoencoderKLCogVideoX", parseAutoencoderKlCogVideoX],
  ["AutoencoderKLTemporalDecoder", parseAutoencoderKlTemporalDecoder],
  ["AutoencoderKLWan", parseAutoencoderKlWan],
  ["AutoencoderTiny", parseAutoencoderTiny],
  ["VQModel", parseVqModel],
  ["CLIPTextModel", parseClipTextModel],
  ["CLIPTextModelWithProjection", parseClipTextModelWithProjection],
  ["CLIPVisionModel", parseClipVisionModel],
  ["CLIPVisionModelWithProjection", parseClipVisionModelWithProjection],
  ...decoderFamilies,
  ["T5EncoderModel", parseT5EncoderModel],
  ["UMT5EncoderModel", parseUmt5EncoderModel],
  ["UNet2DConditionModel", parseUnet2dConditionModel],
  ["UNet2DModel", parseUnet2dModel],
  ["UNet3DConditionModel", parseUnet3dConditionModel],
  ["CogVideoXTransformer3DModel", parseCogVideoXTransformer3dModel],
  ["ControlNetModel", parseControlNetModel],
  ["DiTTransformer2DModel", parseDitTransformer2dModel],
  ["FluxTransformer2DModel", parseFluxTransformer2dModel],
  ["PixArtTransformer2DModel", parsePixArtTransformer2dModel],
  ["SD3Transformer2DModel", parseSd3Transformer2dModel],
  ["Transformer2DModel", parseTransformer2dModel],
  ["WanTransformer3DModel", parseWanTransformer3dModel],
]);
