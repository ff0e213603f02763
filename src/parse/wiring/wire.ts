/**
 * A pipeline from its parts, by the names that diffusers gives their inputs: encoders and autoencoder feed one backbone or, in a
 * cascade, several; a ControlNet's residuals go into its locked backbone. What nothing makes comes with the data.
 */
import { UserError } from "../../model/errors";
import type { Bindings } from "../../model/profile";
import type { Component, DataValue, PartInput, Pipeline, PipelineComponent, TensorSource } from "../pipeline";
import type { AutoencoderPart, BackbonePart, ControlNetPart, EncoderPart, Part } from "./parts";
import { defaultBindings, latentSizes, textLength } from "./sizes";
import { textConditioning, textField } from "./text";

export interface Whole {
  readonly class: string;
  /** Path for messages. */
  readonly file: string;
  readonly predictionType: Pipeline["predictionType"];
  readonly parts: readonly Part[];
}

/** @throws UserError when parts do not fit each other. */
export function wirePipeline(whole: Whole): Pipeline {
  return new Wiring(whole).pipeline();
}

class Wiring {
  private readonly data = new Map<string, DataValue>();
  private readonly texts: readonly EncoderPart[];
  private readonly images: readonly EncoderPart[];
  private readonly vae: AutoencoderPart | undefined;
  private readonly controlNets: readonly ControlNetPart[];
  private readonly backbones: readonly BackbonePart[];

  constructor(private readonly whole: Whole) {
    const ofKind = <K extends Part["kind"]>(kind: K) => whole.parts.filter((part): part is Extract<Part, { kind: K }> => part.kind === kind);
    this.texts = whole.parts.filter((part): part is EncoderPart => part.kind === "textEncoder");
    this.images = whole.parts.filter((part): part is EncoderPart => part.kind === "imageEncoder");
    [this.vae] = ofKind("autoencoder");
    this.controlNets = ofKind("controlNet");
    this.backbones = ofKind("backbone");
  }

  pipeline(): Pipeline {
    const { backbones, controlNets } = this;
    if (backbones.length === 0) return this.encodersOnly();
    const bindings = defaultBindings(backbones, this.vae, this.texts);
    const [largest] = [...backbones].sort((a, b) => b.part.defaultSizes.height - a.part.defaultSizes.height);
    const share = ({ part }: BackbonePart) => part.defaultSizes.height / largest.part.defaultSizes.height;
    const encoders = [...this.texts.map((encoder) => this.encoder(encoder)), ...this.usedImages().map((encoder) => this.imageEncoder(encoder))];
    const vae = this.vae ? [this.autoencoder(this.vae)] : [];
    const controls = controlNets.map((net) => this.conditioned(net.name, net.part, backbones[0], 1));
    const bodies = backbones.map((backbone) => this.backbone(backbone, share(backbone)));
    return {
      class: this.whole.class,
      predictionType: this.whole.predictionType,
      components: [...encoders, ...vae, ...controls, ...bodies],
      data: this.dataValues(),
      losses: backbones.map((backbone) => ({ component: backbone.name, needs: this.clean(backbone, share(backbone)) })),
      trained: (controlNets.length > 0 ? controlNets : backbones).map(({ name }) => name),
      trainable: [...controlNets, ...backbones, ...this.texts, ...this.usedImages()].map(({ name }) => name),
      defaultBindings: bindings,
    };
  }

  /** Parts without a loss: they can be looked at and timed, not trained. */
  private encodersOnly(): Pipeline {
    const components = [...this.texts.map((encoder) => this.encoder(encoder)), ...this.images.map((encoder) => this.imageEncoder(encoder)), ...(this.vae ? [this.autoencoder(this.vae)] : [])];
    const sizes = this.whole.parts.map(({ part }) => part.defaultSizes);
    const largest = (name: "height" | "width" | "sequenceLength") => Math.max(...sizes.map((size) => size[name]));
    const frames = Math.max(...sizes.map((size) => size.frames ?? 0));
    return {
      class: this.whole.class, predictionType: this.whole.predictionType, components, data: this.dataValues(), losses: [], trained: [], trainable: [],
      defaultBindings: { height: largest("height"), width: largest("width"), sequenceLength: largest("sequenceLength"), ...(frames > 0 && { frames }) },
    };
  }

  /** Noise and timesteps, then values as their first users stand. */
  private dataValues(): readonly DataValue[] {
    const first = ["noise", "timesteps"].flatMap((name) => this.data.get(name) ?? []);
    return [...new Set([...first, ...this.data.values()])];
  }

  private encoder(encoder: EncoderPart): PipelineComponent {
    const sizes = (bindings: Bindings) => ({ ...bindings, sequenceLength: textLength(encoder, this.texts, bindings.sequenceLength) });
    const index = this.texts.indexOf(encoder);
    return this.component(encoder.name, encoder.part, sizes, (input) => (index === 0 ? input : `${input}_${index + 1}`));
  }

  /** An encoder of images sees them at its own size. */
  private imageEncoder({ name, part }: EncoderPart): PipelineComponent {
    return this.component(name, part, (bindings) => ({ ...bindings, ...part.defaultSizes }), (input) => `${name}_${input}`);
  }

  private autoencoder({ name, part }: AutoencoderPart): PipelineComponent {
    return this.component(name, part, (bindings) => bindings, () => "pixel_values");
  }

  /** A component that is fed by the data alone. */
  private component(name: string, part: Component, sizes: PipelineComponent["sizes"], dataName: (input: string) => string): PipelineComponent {
    const inputs = Object.fromEntries(part.inputs.map((input) => [input.name, [this.given(dataName(input.name), input, sizes)]]));
    return { name, part, sizes, inputs };
  }

  /** @param share Of the input's bytes. */
  private given(name: string, { bytes }: PartInput, sizes: PipelineComponent["sizes"], share = 1): TensorSource {
    const own = (bindings: Bindings) => {
      const { perSample, fixed } = bytes(sizes(bindings));
      return { perSample: perSample * share, fixed: fixed * share };
    };
    if (!this.data.has(name)) this.data.set(name, { name, bytes: own });
    return { data: name };
  }

  private backbone(backbone: BackbonePart, share: number): PipelineComponent {
    const { name, part, controlled, file } = backbone;
    if (this.controlNets.length === 0) return this.conditioned(name, part, backbone, share);
    if (!controlled) throw new UserError(`A ControlNet on ${part.class} is not supported.`, { file, field: "_class_name" });
    return this.conditioned(name, controlled, backbone, share);
  }

  /** A backbone, or a ControlNet that takes what its backbone takes. */
  private conditioned(name: string, part: Component, backbone: BackbonePart, share: number): PipelineComponent {
    const sizes = (bindings: Bindings): Bindings => ({ ...latentSizes(bindings, this.vae, share), sequenceLength: this.tokensOf(backbone, bindings) });
    const inputs = part.inputs.map((input) => [input.name, this.sourcesOf(input, backbone, sizes, share)] as const);
    return { name, part, sizes, inputs: Object.fromEntries(inputs) };
  }

  private tokensOf(backbone: BackbonePart, bindings: Bindings): number {
    const text = this.text(backbone);
    if (!text) return bindings.sequenceLength;
    const lengths = this.texts.map((encoder) => textLength(encoder, this.texts, bindings.sequenceLength));
    // Encodings of one length whose features are joined count once, as do those of one encoder among several.
    if (!text.alongTokens) return lengths[lengths.length - 1];
    const clips = this.texts.filter(({ part }) => part.outputs["hidden_states[-2]"]);
    const rest = this.texts.filter((encoder) => !clips.includes(encoder));
    const longest = (encoders: readonly EncoderPart[]) => Math.max(0, ...encoders.map((encoder) => lengths[this.texts.indexOf(encoder)]));
    return longest(clips) + longest(rest);
  }

  private text({ part }: BackbonePart) {
    if (this.texts.length === 0) return undefined;
    const hasPooled = part.inputs.some((input) => input.name === "text_embeds");
    return textConditioning(part.class, hasPooled, this.texts, this.whole.file);
  }

  private sourcesOf(input: PartInput, backbone: BackbonePart, sizes: PipelineComponent["sizes"], share: number): readonly TensorSource[] {
    const text = this.text(backbone);
    const [image] = this.usedImages();
    const residual = /^(?:down_block_additional_residuals\.(\d+)|mid_block_additional_residual)$/.exec(input.name);
    if (residual) {
      const layer = residual[1] === undefined ? "controlnet_mid_block" : `controlnet_down_blocks.${residual[1]}`;
      return this.controlNets.map(({ name }) => ({ component: name, layer }));
    }
    switch (input.name) {
      case "sample":
      case "hidden_states":
        return this.noisy(input, backbone, sizes, share);
      case "timestep":
        return [this.given("timesteps", timestep, sizes)];
      case "encoder_hidden_states":
        if (text) {
          this.checkFeatures(input, backbone, text.features);
          return text.tokens;
        }
        if (image) return [this.imageOutput(image)];
        break;
      case "text_embeds":
      case "pooled_projections":
        if (text && text.pooled.length > 0) return text.pooled;
        break;
      case "image_embeds":
        if (image) return [this.imageOutput(image)];
        break;
      case "encoder_hidden_states_image":
        if (image) return [this.imageOutput(image, "hidden_states[-2]")];
        break;
    }
    const [first] = this.backbones;
    return [this.given(backbone === first ? input.name : `${backbone.name}_${input.name}`, input, sizes)];
  }

  private checkFeatures(input: PartInput, { file, part }: BackbonePart, features: number | undefined): void {
    if (features === undefined || input.features === undefined || input.features === features) return;
    throw new UserError(`Texts of ${input.features} features, but the text encoders make ${features}.`, { file, field: textField(part.class) });
  }

  private imageOutput({ name, part: { outputs } }: EncoderPart, wanted = "image_embeds"): TensorSource {
    return { component: name, ...(outputs[wanted] ?? outputs.last_hidden_state ?? outputs[""]) };
  }

  /** An image encoder that nothing takes from (one that came with the folder for other uses) is left out. */
  private usedImages(): readonly EncoderPart[] {
    const taken = new Set(this.backbones.flatMap(({ part }) => part.inputs.map(({ name }) => name)));
    const uses = taken.has("image_embeds") || taken.has("encoder_hidden_states_image") || (this.texts.length === 0 && taken.has("encoder_hidden_states"));
    return uses ? this.images : [];
  }

  /** Channels of what is denoised; of the backbone's further input channels, masks and the like come with the data. */
  private channels({ file, part, inChannels, outChannels }: BackbonePart): number | undefined {
    if (inChannels === undefined || outChannels === undefined) return undefined;
    if (!this.vae) return inChannels % 3 === 0 && inChannels <= 6 && outChannels % 3 === 0 && outChannels <= 6 ? 3 : Math.min(inChannels, outChannels);
    const { latentChannels } = this.vae;
    if (latentChannels === undefined) return undefined;
    const fail = (count: number, field: string) => new UserError(`${count} channels, but the autoencoder makes ${latentChannels}.`, { file, field });
    if (inChannels < latentChannels) throw fail(inChannels, "in_channels");
    // Transformers may predict a variance too.
    const withVariance = !part.class.startsWith("UNet") && outChannels === 2 * latentChannels;
    if (outChannels !== latentChannels && !withVariance) throw fail(outChannels, "out_channels");
    return latentChannels;
  }

  /** What the loss compares the prediction with: the clean sample, its noise and the time. */
  private clean(backbone: BackbonePart, share: number): readonly TensorSource[] {
    const input = backbone.part.inputs.find(({ name }) => name === "sample" || name === "hidden_states") ?? backbone.part.inputs[0];
    return this.noisy(input, backbone, (bindings) => latentSizes(bindings, this.vae, share), share).slice(0, 3);
  }

  private noisy(input: PartInput, backbone: BackbonePart, sizes: PipelineComponent["sizes"], share: number): readonly TensorSource[] {
    const { inChannels = 1 } = backbone;
    const channels = this.channels(backbone) ?? inChannels;
    const prefix = share === 1 ? "" : `${backbone.name}_`;
    const part = (name: string, count: number) => this.given(`${prefix}${name}`, input, sizes, count / inChannels);
    const clean: TensorSource = this.vae ? { component: this.vae.name } : part("pixel_values", channels);
    const timesteps = this.given("timesteps", timestep, sizes);
    return [clean, part("noise", channels), timesteps, ...(inChannels > channels ? [part("conditioning", inChannels - channels)] : [])];
  }
}

/** A number per sample, int64. */
const timestep: PartInput = { name: "timestep", bytes: () => ({ perSample: 8, fixed: 0 }) };
