/** A UNet's layers as its forward function runs them: the hidden state, and a stack of skips from the down to the up half. */
import type { Operator, OperatorList } from "../../../model/operator";
import type { LayerDescription, ValueSource } from "../../component";
import { OperatorListBuilder } from "../../operatorListBuilder";
import { conv2dBody, outputBody } from "./projections";
import { resnetBlock2d, type ResnetBlock2dOptions } from "./resnetBlock2d";
import { downsample2d, upsample2d } from "./sampling";
import { attentionBody, type BlockAttention } from "./unetBlock";
import type { Conditioned } from "./unetEmbeddings";
import type { UnetPlan } from "./unetPlan";

/** An output of a layer, with its channels. */
interface Hidden {
  readonly layer: string;
  readonly width: number;
}

export interface Skip extends Hidden {
  readonly index: number;
}

export const residualInput = (index: number) => `down_block_additional_residuals.${index}`;
export const middleResidualInput = "mid_block_additional_residual";

export class UnetWalk {
  readonly layers: LayerDescription[];
  /** Every down layer that the up half takes. */
  readonly skips: Skip[] = [];
  private hidden: Hidden = { layer: "", width: 0 };

  constructor(private readonly plan: UnetPlan, private readonly conditioned: Conditioned, private readonly controlled = false) {
    this.layers = [...conditioned.layers];
  }

  /** Where the walk is. */
  get position(): Hidden {
    return this.hidden;
  }

  /** conv_in. */
  start(): void {
    const { hint } = this.conditioned;
    const { inChannels, inKernel, centered, down: [{ width }] } = this.plan;
    const list = new OperatorListBuilder(["sample", ...(hint ? ["hint"] : [])]);
    const sample = centered ? list.add({ op: "scale", input: "sample", factor: 2, offset: -1 }) : "sample";
    const whole = hint ? list.add({ op: "concat", inputs: [sample, "hint"], axis: 1 }) : sample;
    const body = list.finish(list.conv2d("conv_in", whole, inChannels, width, inKernel));
    this.push("conv_in", "conv_2d", body, { sample: { input: "sample" }, ...(hint && { hint: hint.source }) }, ["conv_in"], "");
    this.move("conv_in", width);
  }

  /** A layer that turns the hidden state and an input of the component into one of the same shape. */
  merge(name: string, kind: string, body: OperatorList, input: string, modules: readonly string[] = [name]): void {
    this.push(name, kind, body, { hidden_states: { layer: this.hidden.layer }, [input]: { input } }, modules);
    this.move(name, this.hidden.width);
  }

  /** The down half, whose skips begin with the hidden state that it starts from. */
  down(): void {
    const { down } = this.plan;
    this.keep();
    for (const [index, block] of down.entries()) {
      const path = `down_blocks.${index}`;
      for (const [layer, attention] of block.attentions.entries()) {
        this.resnet(`${path}.resnets.${layer}`, { outChannels: block.width, ...block.resnet });
        this.attention(`${path}.attentions.${layer}`, attention);
        this.keep();
      }
      if (index === down.length - 1) continue;
      if (block.resampling === "resnet") this.resnet(`${path}.downsamplers.0`, { outChannels: block.width, ...block.resnet, resample: "down" });
      else this.chain(`${path}.downsamplers.0`, "downsample_2d", downsample2d(block.width, this.plan.downsamplePadding));
      this.keep();
    }
  }

  middle(): void {
    const { middle } = this.plan;
    if (middle) {
      const resnet = (index: number) => this.resnet(`mid_block.resnets.${index}`, { outChannels: middle.width, ...middle.resnet });
      resnet(0);
      for (const [index, attention] of middle.attentions.entries()) {
        this.attention(`mid_block.attentions.${index}`, attention);
        resnet(index + 1);
      }
    }
    if (!this.controlled) return;
    const list = new OperatorListBuilder(["hidden_states", middleResidualInput]);
    this.merge(middleResidualInput, "add", list.finish(list.sum("hidden_states", middleResidualInput)), middleResidualInput, []);
  }

  up(): void {
    const { up } = this.plan;
    for (const [index, block] of up.entries()) {
      const path = `up_blocks.${index}`;
      for (const [layer, attention] of block.attentions.entries()) {
        this.resnet(`${path}.resnets.${layer}`, { outChannels: block.width, ...block.resnet }, this.skips.pop());
        this.attention(`${path}.attentions.${layer}`, attention);
      }
      if (index === up.length - 1) continue;
      if (block.resampling === "resnet") this.resnet(`${path}.upsamplers.0`, { outChannels: block.width, ...block.resnet, resample: "up" });
      else this.chain(`${path}.upsamplers.0`, "upsample_2d", upsample2d(block.width));
    }
    const { resnet: { groups, epsilon }, outChannels, outKernel, outActivation, dividedByTimestep } = this.plan;
    const plain = outputBody({ channels: this.hidden.width, outChannels, kernel: outKernel, groups, epsilon, activation: outActivation });
    const body = dividedByTimestep ? divided(plain) : plain;
    this.push("conv_out", "output_2d", body, { hidden_states: { layer: this.hidden.layer }, ...(dividedByTimestep && { timestep: { input: "timestep" } }) }, ["conv_norm_out", "conv_act", "conv_out"], "");
  }

  /** A 1x1 convolution beside the walk, as ControlNets have them. */
  pointwise(name: string, { layer, width }: Hidden): void {
    this.push(name, "conv_2d", conv2dBody("hidden_states", { module: name, inChannels: width, outChannels: width, kernel: 1 }), { hidden_states: { layer } }, [name], "");
  }

  private resnet(name: string, options: Pick<ResnetBlock2dOptions, "outChannels" | "resample"> & Partial<ResnetBlock2dOptions>, skip?: Skip): void {
    const controlled = skip !== undefined && this.controlled;
    const body = resnetBlock2d({
      ...this.plan.resnet, outputScaleFactor: 1, ...options, inChannels: this.hidden.width, skipChannels: skip?.width, controlled, timeChannels: this.conditioned.timeFeatures,
    });
    this.push(name, "resnet_block_2d", body, {
      hidden_states: { layer: this.hidden.layer }, ...(skip && { skip: { layer: skip.layer } }), ...(controlled && { residual: { input: residualInput(skip.index) } }), temb: this.conditioned.time,
    });
    this.move(name, options.outChannels);
  }

  private attention(name: string, attention: BlockAttention | undefined): void {
    if (!attention) return;
    const { kind, body } = attentionBody(attention);
    this.push(name, kind, body, { hidden_states: { layer: this.hidden.layer }, ...(body.inputs.includes("encoder_hidden_states") && { encoder_hidden_states: this.conditioned.context }) });
    this.move(name, this.hidden.width);
  }

  /** A layer that takes the hidden state only. */
  private chain(name: string, kind: string, body: OperatorList): void {
    this.push(name, kind, body, { hidden_states: { layer: this.hidden.layer } });
    this.move(name, this.hidden.width);
  }

  private keep(): void {
    this.skips.push({ ...this.hidden, index: this.skips.length });
  }

  private move(layer: string, width: number): void {
    this.hidden = { layer, width };
  }

  private push(name: string, kind: string, body: OperatorList, sources: Readonly<Record<string, ValueSource>>, modules: readonly string[] = [name], root = `${name}.`): void {
    this.layers.push({ name, kind, modules, root, body, sources });
  }
}

/** The list's image divided by the timestep of its sample. */
function divided({ inputs, operators, outputs: [image] }: OperatorList): OperatorList {
  const column: Operator = { op: "rearrange", input: "timestep", pattern: "n -> n 1 1 1", output: "timestep_column" };
  return { inputs: [...inputs, "timestep"], operators: [...operators, column, { op: "divide", left: image, right: column.output, output: "divided" }], outputs: ["divided"] };
}
