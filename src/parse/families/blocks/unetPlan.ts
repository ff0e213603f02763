/** A UNet's configuration spread out: one entry per block, in order of execution. */
import type { ActivationFunction } from "../../../model/operator";
import type { ResnetSettings } from "./resnetBlock2d";
import type { BlockAttention } from "./unetBlock";
import type { Conditioning } from "./unetEmbeddings";

/** Resnets, each with an attention layer after it or none, and a change of resolution where another block follows. */
export interface UnetBlock {
  readonly width: number;
  /** One entry per resnet. */
  readonly attentions: readonly (BlockAttention | undefined)[];
  readonly resampling: "convolution" | "resnet";
  /** What differs from the plan's settings. */
  readonly resnet: Partial<ResnetSettings>;
}

export interface UnetPlan {
  readonly sampleSize: readonly [height: number, width: number] | undefined;
  readonly inChannels: number;
  readonly outChannels: number;
  /** 2 x - 1 comes first. */
  readonly centered: boolean;
  readonly down: readonly UnetBlock[];
  /** A resnet, then an attention layer (or none) and a resnet for each entry of `attentions`. */
  readonly middle: Omit<UnetBlock, "resampling"> | undefined;
  readonly up: readonly UnetBlock[];
  readonly conditioning: Conditioning;
  readonly downsamplePadding: 0 | 1;
  readonly resnet: Omit<ResnetSettings, "outputScaleFactor" | "skipTimeActivation">;
  readonly inKernel: number;
  readonly outKernel: number;
  readonly outActivation: ActivationFunction;
  /** The sample is a video [N, C, F, H, W], and temporal layers follow those of images. */
  readonly video?: { readonly headFeatures: number };
  /** The output is divided by the timestep, which then is a noise level. */
  readonly dividedByTimestep?: boolean;
}
