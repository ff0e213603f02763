/** What one micro-batch sends between two devices that follow each other in a V. */
import { crossingBytes, type ChainWork, type Span } from "../../model/workload";

/** Bytes of values, and of their gradients. */
export interface Bytes {
  readonly forward: number;
  readonly backward: number;
}

export const noBytes: Bytes = { forward: 0, backward: 0 };

/**
 * Where the devices so far hold the layers before `a` and those from `b` on, and the others those in between. A value made before
 * `a` and used from `b` on only stays with the devices so far (as `stageCrossings` has it), unless its consumer is on a device
 * further out than its producer: then it makes the detour through all devices further in.
 */
export interface VCrossings {
  /** Of the layers before `a`, to those in [a, b). */
  inward(a: number, b: number): Bytes;
  /** Of the layers in [a, b), to those from `b` on. */
  outward(a: number, b: number): Bytes;
  /** Of the layers [a, to) of a device, to those from `b` on, which are further out. */
  detour(a: number, to: number, b: number): Bytes;
}

/** @param samples Of a micro-batch. Without tensors, each cut sends all that its profile says. */
export function vCrossings({ spans, cuts, layers }: ChainWork, samples: number): VCrossings {
  if (spans === undefined) {
    const at = cuts.map(({ forward, backward }): Bytes => ({ forward: crossingBytes(forward, samples), backward: backward ? crossingBytes(backward, samples) : 0 }));
    return { inward: (a) => at[a], outward: (_, b) => at[b], detour: () => noBytes };
  }
  const sumOf = (isOne: (span: Span) => boolean): Bytes => {
    let [forward, backward] = [0, 0];
    for (const span of spans) {
      if (!isOne(span)) continue;
      const bytes = crossingBytes(span, samples);
      forward += bytes;
      if (span.hasGradient) backward += bytes;
    }
    return { forward, backward };
  };
  const remembered = (make: (a: number, b: number) => Bytes) => {
    const known = new Map<number, Bytes>();
    return (a: number, b: number): Bytes => {
      const key = a * (layers.length + 1) + b;
      let bytes = known.get(key);
      if (bytes === undefined) known.set(key, (bytes = make(a, b)));
      return bytes;
    };
  };
  const lastOf = ({ consumers }: Span) => consumers[consumers.length - 1];
  const beyond = remembered((a, b) => sumOf((span) => span.from < a && lastOf(span) >= b));
  return {
    inward: remembered((a, b) => sumOf((span) => span.from < a && span.consumers.some((layer) => layer >= a && layer < b))),
    outward: remembered((a, b) => sumOf((span) => span.from >= a && span.from < b && lastOf(span) >= b)),
    detour(a, to, b) {
      const [before, all] = [beyond(a, b), beyond(to, b)];
      return { forward: all.forward - before.forward, backward: all.backward - before.backward };
    },
  };
}
