/** A UNet's layers as its forward function runs them: the hidden state, and a stack of skips from the down to the up half. */
import type { Operator, OperatorList } from "../../../model/operator";
import type { LayerDescription, ValueSource } from "../../component";
import { OperatorListBuilder } from "../../operatorListBuilder";
import { conv2dBody, outputBody } from "./projections";
import { resnetBlock2d, type ResnetBlock2dOptions, type ResnetSettings } from "./resnetBlock2d";
import { downsample2d, upsample2d } from "./sampling";
import { perFrame, perFrameSources, temporalConvolution, temporalTransformer } from "./temporal";
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

type Sources = Readonly<Record<string, ValueSource>>;
type ResnetOptions = Pick<ResnetBlock2dOptions, "outChannels" | "resample"> & Partial<ResnetSettings>;

/** Fixed in diffusers for the temporal transformer before all blocks. */
const firstTemporalHeads = 8;

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
    this.images("conv_in", "conv_2d", body, { sample: { input: "sample" }, ...(hint && { hint: hint.source }) }, { modules: ["conv_in"], root: "", first: "outside" });
    this.move("conv_in", width);
    if (this.plan.video) this.temporal("transformer_in", width, firstTemporalHeads);
  }

  /** A layer that turns the hidden state and an input of the component into one of the same shape. */
  merge(name: string, kind: string, body: OperatorList, input: string, modules: readonly string[] = [name]): void {
    this.images(name, kind, body, { hidden_states: { layer: this.hidden.layer }, [input]: { input } }, { modules });
    this.move(name, this.hidden.width);
  }

  /** The down half, whose skips begin with the hidden state that it starts from. */
  down(): void {
    const { down } = this.plan;
    this.keep();
    for (const [index, block] of down.entries()) {
      const path = `down_blocks.${index}`;
      for (const [layer, attention] of block.attentions.entries()) {
        this.resnet(path, layer, { outChannels: block.width, ...block.resnet });
        this.attention(path, layer, attention);
        this.keep();
      }
      if (index === down.length - 1) continue;
      if (block.resampling === "resnet") this.residual(`${path}.downsamplers.0`, { outChannels: block.width, ...block.resnet, resample: "down" });
      else this.chain(`${path}.downsamplers.0`, "downsample_2d", downsample2d(block.width, this.plan.downsamplePadding));
      this.keep();
    }
  }

  middle(): void {
    const { middle } = this.plan;
    if (middle) {
      const resnet = (index: number) => this.resnet("mid_block", index, { outChannels: middle.width, ...middle.resnet });
      resnet(0);
      for (const [index, attention] of middle.attentions.entries()) {
        this.attention("mid_block", index, attention);
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
        this.resnet(path, layer, { outChannels: block.width, ...block.resnet }, this.skips.pop());
        this.attention(path, layer, attention);
      }
      if (index === up.length - 1) continue;
      if (block.resampling === "resnet") this.residual(`${path}.upsamplers.0`, { outChannels: block.width, ...block.resnet, resample: "up" });
      else this.chain(`${path}.upsamplers.0`, "upsample_2d", upsample2d(block.width));
    }
    const { resnet: { groups, epsilon }, outChannels, outKernel, outActivation, dividedByTimestep } = this.plan;
    const plain = outputBody({ channels: this.hidden.width, outChannels, kernel: outKernel, groups, epsilon, activation: outActivation });
    const body = dividedByTimestep ? divided(plain) : plain;
    this.images("conv_out", "output_2d", body, { hidden_states: { layer: this.hidden.layer }, ...(dividedByTimestep && { timestep: { input: "timestep" } }) }, {
      modules: ["conv_norm_out", "conv_act", "conv_out"], root: "", output: "outside",
    });
  }

  /** A 1x1 convolution beside the walk, as ControlNets have them. */
  pointwise(name: string, { layer, width }: Hidden): void {
    this.images(name, "conv_2d", conv2dBody("hidden_states", { module: name, inChannels: width, outChannels: width, kernel: 1 }), { hidden_states: { layer } }, { root: "" });
  }

  private resnet(path: string, index: number, options: ResnetOptions, skip?: Skip): void {
    this.residual(`${path}.resnets.${index}`, options, skip);
    if (!this.plan.video) return;
    const name = `${path}.temp_convs.${index}`;
    this.push(name, "temporal_conv", temporalConvolution(this.hidden.width, this.plan.resnet.groups), { hidden_states: { layer: this.hidden.layer } });
    this.move(name, this.hidden.width);
  }

  private residual(name: string, options: ResnetOptions, skip?: Skip): void {
    const controlled = skip !== undefined && this.controlled;
    const body = resnetBlock2d({
      ...this.plan.resnet, outputScaleFactor: 1, ...options, inChannels: this.hidden.width, skipChannels: skip?.width, controlled, timeChannels: this.conditioned.timeFeatures,
    });
    this.images(name, "resnet_block_2d", body, {
      hidden_states: { layer: this.hidden.layer }, ...(skip && { skip: { layer: skip.layer } }), ...(controlled && { residual: { input: residualInput(skip.index) } }), temb: this.conditioned.time,
    });
    this.move(name, options.outChannels);
  }

  private attention(path: string, index: number, attention: BlockAttention | undefined): void {
    if (!attention) return;
    const name = `${path}.attentions.${index}`;
    const { kind, body } = attentionBody(attention);
    this.images(name, kind, body, { hidden_states: { layer: this.hidden.layer }, ...(body.inputs.includes("encoder_hidden_states") && { encoder_hidden_states: this.conditioned.context }) });
    this.move(name, this.hidden.width);
    if (this.plan.video) this.temporal(`${path}.temp_attentions.${index}`, this.hidden.width, Math.floor(this.hidden.width / this.plan.video.headFeatures));
  }

  private temporal(name: string, channels: number, heads: number): void {
    const body = temporalTransformer({ channels, heads, headFeatures: this.plan.video?.headFeatures ?? channels, groups: this.plan.resnet.groups });
    this.push(name, "temporal_transformer", body, { hidden_states: { layer: this.hidden.layer } });
    this.move(name, channels);
  }

  /** A layer that takes the hidden state only. */
  private chain(name: string, kind: string, body: OperatorList): void {
    this.images(name, kind, body, { hidden_states: { layer: this.hidden.layer } });
    this.move(name, this.hidden.width);
  }

  private keep(): void {
    this.skips.push({ ...this.hidden, index: this.skips.length });
  }

  private move(layer: string, width: number): void {
    this.hidden = { layer, width };
  }

  /** A layer on images, which a video is made of. */
  private images(name: string, kind: string, body: OperatorList, sources: Sources, place: { modules?: readonly string[]; root?: string; first?: "outside"; output?: "outside" } = {}): void {
    const { video } = this.plan;
    this.push(name, kind, video ? perFrame(body, place) : body, video ? perFrameSources(sources) : sources, place.modules, place.root);
  }

  private push(name: string, kind: string, body: OperatorList, sources: Sources, modules: readonly string[] = [name], root = `${name}.`): void {
    this.layers.push({ name, kind, modules, root, body, sources });
  }
}

/** The list's image divided by the timestep of its sample. */
function divided({ inputs, operators, outputs: [image] }: OperatorList): OperatorList {
  const column: Operator = { op: "rearrange", input: "timestep", pattern: "n -> n 1 1 1", output: "timestep_column" };
  return { inputs: [...inputs, "timestep"], operators: [...operators, column, { op: "divide", left: image, right: column.output, output: "divided" }], outputs: ["divided"] };
}
