/** The attention layers that blocks of diffusers' UNets have. */
import type { OperatorList } from "../../../model/operator";
import { addedKeyValueAttention, imageSelfAttention, transformer2d, type AddedKeyValueAttentionOptions, type ImageSelfAttentionOptions, type Transformer2dOptions } from "./attention";

export type BlockAttention =
  | (Transformer2dOptions & { readonly kind: "transformer" })
  | (AddedKeyValueAttentionOptions & { readonly kind: "addedKeyValue" })
  | (ImageSelfAttentionOptions & { readonly kind: "self" });

export function attentionBody(attention: BlockAttention): { readonly kind: string; readonly body: OperatorList } {
  switch (attention.kind) {
    case "transformer": return { kind: "transformer_2d", body: transformer2d(attention) };
    case "addedKeyValue": return { kind: "added_kv_attention_2d", body: addedKeyValueAttention(attention) };
    case "self": return { kind: "attention_2d", body: imageSelfAttention(attention) };
  }
}
