/** Which outputs of which text encoders a backbone is conditioned on: a convention of each pipeline, kept here by backbone. */
import { UserError } from "../../model/errors";
import type { TensorSource } from "../pipeline";
import type { EncoderPart } from "./parts";

export interface TextConditioning {
  /** One vector per token. */
  readonly tokens: readonly TensorSource[];
  /** One vector per text. */
  readonly pooled: readonly TensorSource[];
  /** Features of a token as the backbone sees it; undefined where encodings of different widths are padded to one. */
  readonly features: number | undefined;
  /** Texts of several encoders stand one after the other, else their features do. */
  readonly alongTokens: boolean;
}

const fields: Readonly<Record<string, string>> = {
  SD3Transformer2DModel: "joint_attention_dim", FluxTransformer2DModel: "joint_attention_dim", PixArtTransformer2DModel: "caption_channels",
  CogVideoXTransformer3DModel: "text_embed_dim", WanTransformer3DModel: "text_dim",
};

/** The setting of a backbone that says how wide its texts are. */
export const textField = (backbone: string): string => fields[backbone] ?? "cross_attention_dim";

const last = "last_hidden_state";
const penultimate = "hidden_states[-2]";

/** @param hasPooled The backbone takes pooled text too. @throws UserError where an encoder lacks the output. */
export function textConditioning(backbone: string, hasPooled: boolean, encoders: readonly EncoderPart[], file: string): TextConditioning {
  const take = ({ name, part }: EncoderPart, output: string): TensorSource & { readonly features?: number } => {
    // A traced encoder has one output, whatever it is called.
    const found = part.outputs[output] ?? (part.adapted ? undefined : part.outputs[""]);
    if (!found) throw new UserError(`${part.class} has no output "${output}", which ${backbone} is conditioned on.`, { file, field: name });
    return { component: name, ...found };
  };
  const ends = encoders[encoders.length - 1];
  const single = take(ends, last);
  switch (backbone) {
    case "FluxTransformer2DModel":
      return { tokens: [single], pooled: encoders.length > 1 ? [take(encoders[0], "pooler_output")] : [], features: single.features, alongTokens: false };
    case "SD3Transformer2DModel": {
      const clips = encoders.filter(({ part }) => part.outputs[penultimate]);
      const others = encoders.filter((encoder) => !clips.includes(encoder));
      return {
        tokens: [...clips.map((encoder) => take(encoder, penultimate)), ...others.map((encoder) => take(encoder, last))],
        pooled: clips.map((encoder) => take(encoder, "text_embeds")),
        features: undefined,
        alongTokens: true,
      };
    }
    default: {
      if (!hasPooled) return { tokens: [single], pooled: [], features: single.features, alongTokens: false };
      const tokens = encoders.map((encoder) => take(encoder, penultimate));
      return { tokens, pooled: [take(ends, "text_embeds")], features: sumOf(tokens.map(({ features }) => features)), alongTokens: false };
    }
  }
}

/** Undefined where one of them is. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((sum, value) => (sum === undefined || value === undefined ? undefined : sum + value), 0);
}
