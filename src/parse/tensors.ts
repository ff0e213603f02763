/** What crosses a cut between two layers. */
import type { LayerRef, Tensor } from "../model/profile";

export interface CutBytes {
  readonly forward: number;
  readonly backward: number;
}

/**
 * What crosses right after each layer of a sequence (a chain, or a frozen component): tensors made at or before the cut and
 * used after it or outside the sequence, what is the same for all samples counted whole; backward, those that a gradient flows back through.
 */
export function cutBytes(sequence: readonly LayerRef[], tensors: readonly Tensor[]): readonly CutBytes[] {
  const position = new Map(sequence.map(({ component, layer }, index) => [`${component}/${layer}`, index]));
  const forward = new Array<number>(sequence.length + 1).fill(0);
  const backward = new Array<number>(sequence.length + 1).fill(0);
  for (const tensor of tensors) {
    const from = position.get(`${tensor.producer.component}/${tensor.producer.layer}`);
    if (from === undefined) continue;
    const until = Math.max(from, ...tensor.consumers.map(({ component, layer }) => position.get(`${component}/${layer}`) ?? sequence.length));
    for (let cut = from; cut < until; cut++) {
      const bytes = tensor.bytesPerSample + (tensor.bytesFixed ?? 0);
      forward[cut] += bytes;
      if (tensor.hasGradient) backward[cut] += bytes;
    }
  }
  return sequence.map((_, cut) => ({ forward: forward[cut], backward: backward[cut] }));
}
