/**
 * The class that DiT and PixArt had in diffusers before they got their own. Folders of that time still name it; diffusers loads them
 * with the newer classes and their defaults.
 */
import { z } from "zod";
import { checkConfig } from "../config";
import { parseDitTransformer2dModel } from "./ditTransformer2dModel";
import type { Backbone } from "./family";
import { parsePixArtTransformer2dModel } from "./pixArtTransformer2dModel";

const norms = ["ada_norm_zero", "ada_norm_single"] as const;

/** Its other forms work on images without patches, as parts of UNets, or on discrete codes. */
const schema = z.object({
  norm_type: z.enum(norms, { error: `Only ${norms.join(" (DiT) and ")} (PixArt) are supported` }),
});

/** @throws UserError for a configuration that diffusers would refuse or that is not supported. */
export function parseTransformer2dModel(config: Readonly<Record<string, unknown>>, file: string): Backbone {
  const { norm_type } = checkConfig(schema, config, file);
  return norm_type === "ada_norm_single" ? parsePixArtTransformer2dModel(config, file) : parseDitTransformer2dModel(config, file);
}
