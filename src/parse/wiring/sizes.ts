/** Sizes of the parts of a pipeline from the sizes that the user knows: pixels, frames and text tokens. */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import type { Autoencoder, Backbone } from "../families/family";
import type { NamedEncoder } from "./text";

/** Encoders with a short fixed length beside ones that take long texts get what they can take. */
export function textLength({ family }: NamedEncoder, encoders: readonly NamedEncoder[], tokens: number): number {
  const longest = Math.max(...encoders.map((encoder) => encoder.family.description.defaultSizes.sequenceLength));
  const own = family.description.defaultSizes.sequenceLength;
  return own < longest ? Math.min(own, tokens) : tokens;
}

/** @param share Of the pipeline's height and width: less than 1 in the lower stages of a cascade. @throws UserError for pixels that are no whole latents. */
export function latentSizes(bindings: Bindings, vae: Autoencoder | undefined, share: number): Bindings {
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
export function defaultBindings(backbones: readonly Backbone[], vae: Autoencoder | undefined, encoders: readonly NamedEncoder[]): Bindings {
  const { downsampling = 1, temporalDownsampling = 1 } = vae ?? {};
  const sizes = backbones.map(({ description }) => description.defaultSizes);
  const texts = encoders.map(({ family }) => family.description.defaultSizes.sequenceLength);
  const suggested = Math.max(...sizes.map(({ sequenceLength }) => sequenceLength));
  const frames = Math.max(0, ...sizes.map((size) => size.frames ?? 0));
  return {
    height: Math.max(...sizes.map(({ height }) => height)) * downsampling,
    width: Math.max(...sizes.map(({ width }) => width)) * downsampling,
    sequenceLength: texts.length === 1 ? Math.min(texts[0], Math.max(suggested, 1)) : Math.max(suggested, 1),
    ...(frames > 0 && { frames: (frames - 1) * temporalDownsampling + 1 }),
  };
}
