/** Images cut into square patches, each a token, and put together again. */
import type { OperatorListBuilder } from "../../operatorListBuilder";

/** [N, C, H, W] -> [N, patches, features], row by row. */
export function imageToPatches(list: OperatorListBuilder, module: string, image: string, sizes: { inChannels: number; features: number; patch: number }): string {
  const { inChannels, features, patch } = sizes;
  return list.imageToTokens(list.conv2d(module, image, inChannels, features, patch, { stride: patch, paddingBefore: 0, paddingAfter: 0 }));
}

/** [N, patches, patch * patch * C] -> [N, C, H, W]. @param like An image of that height and width. */
export function patchesToImage(list: OperatorListBuilder, tokens: string, patch: number, like: string): string {
  return list.rearrange(tokens, "n (h w) (p q c) -> n c (h p) (w q)", { p: patch, q: patch }, { value: like, pattern: "n other (h p) (w q)" });
}
