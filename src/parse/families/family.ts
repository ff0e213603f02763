/** What a family says of a component beyond its layers: what wiring needs to know. */
import type { ComponentDescription } from "../component";

interface Described {
  readonly description: ComponentDescription;
}

/** Makes what backbones are conditioned on, from token ids or from an image. */
export interface Encoder extends Described {
  readonly kind: "textEncoder" | "imageEncoder";
}

/** Makes latents from images or videos: the encoder half of an autoencoder. Its output holds the moments of `latentChannels`, or the latents themselves. */
export interface Autoencoder extends Described {
  readonly kind: "autoencoder";
  readonly latentChannels: number;
  /** Pixels per latent, in height and in width. */
  readonly downsampling: number;
  /** Frames per latent frame after the first; 1 where left out. */
  readonly temporalDownsampling?: number;
}

/** What the diffusion loss trains. */
export interface Backbone extends Described {
  readonly kind: "backbone";
  /** Of the noisy sample it takes, conditioning channels among them. */
  readonly inChannels: number;
  /** Of its prediction. */
  readonly outChannels: number;
  /** The same backbone with the inputs that a ControlNet's residuals go into, where it has them. */
  readonly controlled?: ComponentDescription;
}

/** A trainable copy of a backbone's first half, whose outputs are added to the locked backbone's. */
export interface ControlNet extends Described {
  readonly kind: "controlNet";
}

export type Family = Encoder | Autoencoder | Backbone | ControlNet;

/** @throws UserError naming `file` and the field, for a configuration that the library would refuse or that is not supported. */
export type FamilyParser = (config: Readonly<Record<string, unknown>>, file: string) => Family;
