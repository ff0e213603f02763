/**
 * A pipeline from its parts, by the names that diffusers gives their inputs: encoders and autoencoder feed one backbone or, in a
 * cascade, several; a ControlNet's residuals go into its locked backbone. What nothing makes comes with the data.
 */
import { UserError } from "../../model/errors";
import type { Shape } from "../../model/operator";
import type { Bindings } from "../../model/profile";
import type { ComponentDescription, ComponentInput } from "../component";
import type { Autoencoder, Backbone, ControlNet, Encoder, Family } from "../families/family";
import type { DataValue, Pipeline, PipelineComponent, TensorSource } from "../pipeline";
import { defaultBindings, latentSizes, textLength } from "./sizes";
import { textConditioning, textField, type NamedEncoder } from "./text";

export interface Parts {
  readonly class: string;
  /** Path for messages. */
  readonly file: string;
  readonly predictionType: Pipeline["predictionType"];
  readonly families: ReadonlyMap<string, { readonly family: Family; /** Path of its configuration, for messages. */ readonly file: string }>;
}

interface Named<F> {
  readonly name: string;
  readonly family: F;
  readonly file: string;
}

/** @throws UserError when parts do not fit each other. */
export function wirePipeline(parts: Parts): Pipeline {
  return new Wiring(parts).pipeline();
}

class Wiring {
  private readonly data = new Map<string, DataValue>();
  private readonly texts: readonly NamedEncoder[];
  private readonly images: readonly NamedEncoder[];
  private readonly vae: Named<Autoencoder> | undefined;
  private readonly controlNets: readonly Named<ControlNet>[];
  private readonly backbones: readonly Named<Backbone>[];

  constructor(private readonly parts: Parts) {
    const named = [...parts.families].map(([name, part]) => ({ name, ...part }));
    const ofKind = <F extends Family>(kind: F["kind"]) => named.filter((part): part is Named<F> => part.family.kind === kind);
    this.texts = ofKind<Encoder & { kind: "textEncoder" }>("textEncoder");
    this.images = ofKind<Encoder & { kind: "imageEncoder" }>("imageEncoder");
    [this.vae] = ofKind<Autoencoder>("autoencoder");
    this.controlNets = ofKind<ControlNet>("controlNet");
    this.backbones = ofKind<Backbone>("backbone");
  }

  pipeline(): Pipeline {
    const { backbones, controlNets } = this;
    if (backbones.length === 0) return this.encodersOnly();
    const bindings = defaultBindings(backbones.map(({ family }) => family), this.vae?.family, this.texts);
    const [largest] = [...backbones].sort((a, b) => b.family.description.defaultSizes.height - a.family.description.defaultSizes.height);
    const share = ({ family }: Named<Backbone>) => family.description.defaultSizes.height / largest.family.description.defaultSizes.height;
    const encoders = [...this.texts.map((encoder) => this.encoder(encoder)), ...this.usedImages().map((encoder) => this.imageEncoder(encoder))];
    const vae = this.vae ? [this.autoencoder(this.vae)] : [];
    const controls = controlNets.map((net) => this.conditioned(net.name, net.family.description, backbones[0], 1));
    const bodies = backbones.map((backbone) => this.backbone(backbone, share(backbone)));
    return {
      class: this.parts.class,
      predictionType: this.parts.predictionType,
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
    const sizes = [...this.parts.families.values()].map(({ family }) => family.description.defaultSizes);
    const largest = (name: "height" | "width" | "sequenceLength") => Math.max(...sizes.map((size) => size[name]));
    const frames = Math.max(...sizes.map((size) => size.frames ?? 0));
    return {
      class: this.parts.class, predictionType: this.parts.predictionType, components, data: this.dataValues(), losses: [], trained: [], trainable: [],
      defaultBindings: { height: largest("height"), width: largest("width"), sequenceLength: largest("sequenceLength"), ...(frames > 0 && { frames }) },
    };
  }

  /** Values are listed as their first users stand, timesteps and noise before all else. */
  private dataValues(): readonly DataValue[] {
    const rank = ({ name }: DataValue) => ["timesteps", "noise"].indexOf(name);
    return [...this.data.values()].sort((a, b) => rank(b) - rank(a) || 0).sort((a, b) => Number(rank(a) < 0) - Number(rank(b) < 0));
  }

  private encoder(encoder: NamedEncoder): PipelineComponent {
    const sizes = (bindings: Bindings) => ({ ...bindings, sequenceLength: textLength(encoder, this.texts, bindings.sequenceLength) });
    const index = this.texts.indexOf(encoder);
    return this.component(encoder.name, encoder.family.description, sizes, (input) => (index === 0 ? input : `${input}_${index + 1}`));
  }

  /** An encoder of images sees them at its own size. */
  private imageEncoder({ name, family }: NamedEncoder): PipelineComponent {
    return this.component(name, family.description, (bindings) => ({ ...bindings, ...family.description.defaultSizes }), (input) => `${name}_${input}`);
  }

  private autoencoder({ name, family }: Named<Autoencoder>): PipelineComponent {
    return this.component(name, family.description, (bindings) => bindings, () => "pixel_values");
  }

  /** A component that is fed by the data alone. */
  private component(name: string, description: ComponentDescription, sizes: PipelineComponent["sizes"], dataName: (input: string) => string): PipelineComponent {
    const inputs = Object.fromEntries(description.inputs.map((input) => [input.name, [this.given(dataName(input.name), input, sizes)]]));
    return { name, description, sizes, inputs };
  }

  private given(name: string, { type, fixed, shape }: ComponentInput, sizes: PipelineComponent["sizes"]): TensorSource {
    if (!this.data.has(name)) this.data.set(name, { name, type, shape: (bindings) => shape(sizes(bindings)), ...(fixed !== undefined && { fixed }) });
    return { data: name };
  }

  private backbone(backbone: Named<Backbone>, share: number): PipelineComponent {
    const { name, family } = backbone;
    if (this.controlNets.length === 0) return this.conditioned(name, family.description, backbone, share);
    if (!family.controlled) throw new UserError(`A ControlNet on ${family.description.class} is not supported.`, { file: this.parts.file, field: name });
    return this.conditioned(name, family.controlled, backbone, share);
  }

  /** A backbone, or a ControlNet that takes what its backbone takes. */
  private conditioned(name: string, description: ComponentDescription, backbone: Named<Backbone>, share: number): PipelineComponent {
    const sizes = (bindings: Bindings): Bindings => {
      const latents = latentSizes(bindings, this.vae?.family, share);
      return { ...latents, sequenceLength: this.tokensOf(backbone, bindings) };
    };
    const inputs = description.inputs.map((input) => [input.name, this.sourcesOf(input, backbone, sizes, share)] as const);
    return { name, description, sizes, inputs: Object.fromEntries(inputs) };
  }

  private tokensOf(backbone: Named<Backbone>, bindings: Bindings): number {
    const text = this.text(backbone);
    if (!text) return bindings.sequenceLength;
    const lengths = this.texts.map((encoder) => textLength(encoder, this.texts, bindings.sequenceLength));
    // Encodings of one length whose features are joined count once, as do those of one encoder among several.
    if (!text.alongTokens) return lengths[lengths.length - 1];
    const clips = this.texts.filter(({ family }) => family.description.outputs?.["hidden_states[-2]"]);
    const rest = this.texts.filter((encoder) => !clips.includes(encoder));
    const longest = (encoders: readonly NamedEncoder[]) => Math.max(0, ...encoders.map((encoder) => lengths[this.texts.indexOf(encoder)]));
    return longest(clips) + longest(rest);
  }

  private text({ family }: Named<Backbone>) {
    if (this.texts.length === 0) return undefined;
    const hasPooled = family.description.inputs.some((input) => input.name === "text_embeds");
    return textConditioning(family.description.class, hasPooled, this.texts, this.parts.file);
  }

  private sourcesOf(input: ComponentInput, backbone: Named<Backbone>, sizes: PipelineComponent["sizes"], share: number): readonly TensorSource[] {
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
        return [this.given("timesteps", input, sizes)];
      case "encoder_hidden_states":
        if (text) {
          this.checkFeatures(input, backbone, text.features);
          return text.tokens.map(withoutFeatures);
        }
        if (image) return [this.imageOutput(image)];
        break;
      case "text_embeds":
      case "pooled_projections":
        if (text && text.pooled.length > 0) return text.pooled.map(withoutFeatures);
        break;
      case "image_embeds":
      case "encoder_hidden_states_image":
        if (image) return [this.imageOutput(image)];
        break;
    }
    const [first] = this.backbones;
    return [this.given(backbone === first ? input.name : `${backbone.name}_${input.name}`, input, sizes)];
  }

  private checkFeatures(input: ComponentInput, { file, family }: Named<Backbone>, features: number | undefined): void {
    const wanted = input.shape({ ...family.description.defaultSizes }).at(-1);
    if (features !== undefined && wanted !== features) {
      throw new UserError(`Texts of ${wanted} features, but the text encoders make ${features}.`, { file, field: textField(family.description.class) });
    }
  }

  private imageOutput({ name, family }: NamedEncoder): TensorSource {
    const { outputs = {} } = family.description;
    const found = outputs.image_embeds ?? outputs.last_hidden_state;
    return found ? { component: name, layer: found.layer, ...(found.output !== undefined && { output: found.output }) } : { component: name };
  }

  /** An image encoder that nothing takes from (one that came with the folder for other uses) is left out. */
  private usedImages(): readonly NamedEncoder[] {
    const taken = new Set(this.backbones.flatMap(({ family }) => family.description.inputs.map(({ name }) => name)));
    const uses = taken.has("image_embeds") || taken.has("encoder_hidden_states_image") || (this.texts.length === 0 && taken.has("encoder_hidden_states"));
    return uses ? this.images : [];
  }

  /** Channels of what is denoised; of the backbone's further input channels, masks and the like come with the data. */
  private channels({ file, family }: Named<Backbone>): number {
    const { inChannels, outChannels } = family;
    if (!this.vae) return inChannels % 3 === 0 && inChannels <= 6 && outChannels % 3 === 0 && outChannels <= 6 ? 3 : Math.min(inChannels, outChannels);
    const { latentChannels } = this.vae.family;
    const fail = (count: number, field: string) => new UserError(`${count} channels, but the autoencoder makes ${latentChannels}.`, { file, field });
    if (inChannels < latentChannels) throw fail(inChannels, "in_channels");
    // Transformers may predict a variance too.
    const withVariance = !family.description.class.startsWith("UNet") && outChannels === 2 * latentChannels;
    if (outChannels !== latentChannels && !withVariance) throw fail(outChannels, "out_channels");
    return latentChannels;
  }

  /** What the loss compares the prediction with: the clean sample, its noise and the time. */
  private clean(backbone: Named<Backbone>, share: number): readonly TensorSource[] {
    const input = backbone.family.description.inputs.find(({ name }) => name === "sample" || name === "hidden_states");
    if (!input) throw new Error(`${backbone.family.description.class} takes no sample.`);
    const sizes = (bindings: Bindings) => latentSizes(bindings, this.vae?.family, share);
    return this.noisy(input, backbone, sizes, share).slice(0, 3);
  }

  private noisy(input: ComponentInput, backbone: Named<Backbone>, sizes: PipelineComponent["sizes"], share: number): readonly TensorSource[] {
    const channels = this.channels(backbone);
    const { inChannels } = backbone.family;
    const prefix = share === 1 ? "" : `${backbone.name}_`;
    const part = (name: string, count: number) => this.given(`${prefix}${name}`, { name, type: "float32", shape: (own) => scaled(input.shape(own), count / inChannels) }, sizes);
    const clean: TensorSource = this.vae ? { component: this.vae.name } : part("pixel_values", channels);
    const timesteps = this.given("timesteps", { name: "timestep", type: "int64", shape: () => [] }, sizes);
    return [clean, part("noise", channels), timesteps, ...(inChannels > channels ? [part("conditioning", inChannels - channels)] : [])];
  }
}

const withoutFeatures = (source: TensorSource): TensorSource =>
  "data" in source ? source : { component: source.component, layer: source.layer, ...(source.output !== undefined && { output: source.output }) };

/** A sample with a share of its channels, which stand first in an image, last in tokens and second in a video of frames. */
function scaled(shape: Shape, share: number): Shape {
  const axis = shape.length === 2 ? 1 : 0;
  return share === 1 ? shape : shape.map((size, index) => (index === axis ? size * share : size));
}
