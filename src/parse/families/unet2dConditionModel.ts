/** diffusers' UNet2DConditionModel as layers in order of execution; every down layer's output is a skip to the up half. */
import type { ComponentDescription, ComponentInput } from "../component";
import { checkDescription } from "../config";
import { expectMultiples } from "../sizes";
import type { Backbone } from "./family";
import { conditioned, hintChannels } from "./blocks/unetEmbeddings";
import type { UnetPlan } from "./blocks/unetPlan";
import { middleResidualInput, residualInput, UnetWalk } from "./blocks/unetWalk";
import { readUnetConfig } from "./unet2dConfig";

/** Latents per side where the configuration names no size: that of Stable Diffusion 1. */
const usualSize = 64;

/** @throws UserError naming `file` and the field. */
export function parseUnet2dConditionModel(json: unknown, file: string): Backbone {
  const plan = readUnetConfig(json, file);
  const inChannels = plan.inChannels - (plan.conditioning.added?.kind === "image_hint" ? hintChannels : 0);
  return {
    kind: "backbone",
    description: checkDescription(describeUnet(plan, inChannels), file, "norm_num_groups"),
    inChannels,
    outChannels: plan.outChannels,
    controlled: describeUnet(plan, inChannels, true),
  };
}

function describeUnet(plan: UnetPlan, inChannels: number, controlled = false): ComponentDescription {
  const condition = conditioned(plan.conditioning);
  const walk = new UnetWalk(plan, condition, controlled);
  walk.start();
  walk.down();
  const skips = [...walk.skips];
  walk.middle();
  const residuals = controlled ? residualInputs(plan, skips) : [];
  walk.up();
  return {
    class: "UNet2DConditionModel",
    inputs: [{ name: "sample", type: "float32", shape: ({ height, width }) => [inChannels, height, width] }, ...condition.inputs, ...residuals],
    layers: walk.layers,
    ...sizesOf(plan),
  };
}

export function sizesOf({ sampleSize, down }: Pick<UnetPlan, "sampleSize" | "down">): Pick<ComponentDescription, "defaultSizes" | "checkSizes"> {
  const downsampling = 2 ** (down.length - 1);
  const roundedUp = (size: number) => Math.ceil(size / downsampling) * downsampling;
  const [height, width] = sampleSize ?? [usualSize, usualSize];
  return { defaultSizes: { height: roundedUp(height), width: roundedUp(width), sequenceLength: 77 }, checkSizes: (sizes) => expectMultiples(sizes, downsampling) };
}

/** Of the shapes of the skips, and of the middle block's output. */
function residualInputs({ down }: UnetPlan, skips: readonly { readonly width: number; readonly index: number }[]): readonly ComponentInput[] {
  // The first skip is conv_in's; each block but the last ends with half its size.
  const levels = [0, ...down.flatMap(({ attentions }, level) => [...attentions.map(() => level), ...(level < down.length - 1 ? [level + 1] : [])])];
  const residual = (name: string, width: number, level: number): ComponentInput => ({ name, type: "float32", shape: (sizes) => [width, sizes.height / 2 ** level, sizes.width / 2 ** level] });
  return [
    ...skips.map(({ width, index }) => residual(residualInput(index), width, levels[index])),
    residual(middleResidualInput, down[down.length - 1].width, down.length - 1),
  ];
}
