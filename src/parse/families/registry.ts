/** The families by the class names that diffusers and transformers give them. */
import { parseAutoencoderKl } from "./autoencoderKl";
import { parseClipTextModel } from "./clipTextModel";
import type { FamilyParser } from "./family";
import { parseUnet2dConditionModel } from "./unet2dConditionModel";

export const families: ReadonlyMap<string, FamilyParser> = new Map<string, FamilyParser>([
  ["AutoencoderKL", parseAutoencoderKl],
  ["CLIPTextModel", parseClipTextModel],
  ["UNet2DConditionModel", parseUnet2dConditionModel],
]);
