/** Sizes of the parts of a pipeline from the sizes that the user knows: pixels, frames and text tokens. */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import type { AutoencoderPart, BackbonePart, EncoderPart } from "./parts";

/** Encoders with a short fixed length beside ones that take long texts get what they can take. */
export function textLength({ part }: EncoderPart, encoders: readonly EncoderPart[], tokens: number): number {
  const longest = Math.max(...encoders.map((encoder) => encoder.part.defaultSizes.sequenceLength));
  const own = part.defaultSizes.sequenceLength;
  return own < longest ? Math.min(own, tokens) : tokens;
}

/** @param share Of the pipeline's height and width: less than 1 in the lower stages of a cascade. @throws UserError for pixels that are no whole latents. */
export function latentSizes(bindings: Bindings, vae: AutoencoderPart | undefined, share: number): Bindings {
  const { downsampling = 1, temporalDownsampling = 1 } = vae ?? {};
  const whole = (field: "height" | "width", step: number) => {
    const size = bindings[field] * share;
    if (!Number.isInteger(size / step)) throw new UserError(`${bindings[field]} is not a multiple of ${step / share}, by which the model shrinks an image.`, { field });
    return size / step;
  };
  const frames = bindings.frames === undefined ? undefined : (bindings.frames - 1) / temporalDownsampling + 1;
  if (frames !== undefined && !Number.isInteger(frames)) {
    throw new UserError(`${bindings.frames} frames; the autoencoder takes 1 more than a multiple of ${temporalDownsampling}.`, { field: "frames" });
  }
  return { ...bindings, height: whole("height", downsampling), width: whole("width", downsampling), ...(frames !== undefined && { frames }) };
}

/** What the backbones suggest, in pixels: the largest of a cascade says the size. */
export function defaultBindings(backbones: readonly BackbonePart[], vae: AutoencoderPart | undefined, encoders: readonly EncoderPart[]): Bindings {
  const { downsampling = 1, temporalDownsampling = 1 } = vae ?? {};
  const sizes = backbones.map(({ part }) => part.defaultSizes);
  const texts = encoders.map(({ part }) => part.defaultSizes.sequenceLength);
  const suggested = Math.max(...sizes.map(({ sequenceLength }) => sequenceLength));
  const frames = Math.max(0, ...sizes.map((size) => size.frames ?? 0));
  return {
    height: Math.max(...sizes.map(({ height }) => height)) * downsampling,
    width: Math.max(...sizes.map(({ width }) => width)) * downsampling,
    sequenceLength: texts.length === 1 ? Math.min(texts[0], Math.max(suggested, 1)) : Math.max(suggested, 1),
    ...(frames > 0 && { frames: (frames - 1) * temporalDownsampling + 1 }),
  };
}
