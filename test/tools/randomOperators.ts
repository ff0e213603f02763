/** Operators at random shapes that fit, with what they compute of: for tests of their gradients. */
import fc, { type Arbitrary } from "fast-check";
import type { ActivationFunction, Operator, OperatorName, Shape } from "../../src/model/operator";
import type { OnnxValue } from "../../src/model/onnx";

export interface RandomOperator {
  readonly operator: Operator;
  /** In the order of the operator's inputs. */
  readonly inputs: readonly OnnxValue[];
}

const io = { input: "x", output: "y" } as const;
const size = (most: number, least = 1) => fc.integer({ min: least, max: most });
const float = (name: string, shape: Shape): OnnxValue => ({ name, type: "float32", shape });
const ids = (name: string, shape: Shape, below: number): OnnxValue => ({ name, type: "int64", shape, below });
const one = (operator: Operator, shape: Shape): RandomOperator => ({ operator, inputs: [float("x", shape)] });
const shapes = (most = 4) => fc.array(size(5), { minLength: 2, maxLength: most });
const functions = fc.constantFrom<ActivationFunction>("silu", "gelu", "geluTanh", "quickGelu", "relu", "mish");

/** A shape that broadcasts to another: axes of one element, and leading ones left out. */
const stretched = (shape: Shape) =>
  fc.tuple(fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }), size(shape.length - 1, 0)).map(([kept, skipped]) => shape.map((count, axis) => (kept[axis] ? count : 1)).slice(skipped));

const pair = (op: "add" | "multiply" | "divide"): Arbitrary<RandomOperator> =>
  shapes().chain((shape) => fc.tuple(stretched(shape), stretched(shape)).map(([left, right]) => ({ operator: { op, left: "a", right: "b", output: "y" }, inputs: [float("a", left), float("b", right)] })));

const perAxis = (axes: number, most: number, least = 0) => fc.array(size(most, least), { minLength: axes, maxLength: axes });

const convolutions = size(3).chain((axes) =>
  fc.record({ groups: size(3), into: size(3), out: size(3), kernel: perAxis(axes, 3, 1), stride: perAxis(axes, 3, 1), before: perAxis(axes, 2), after: perAxis(axes, 2), extra: perAxis(axes, 5), batch: size(3), bias: fc.boolean() }).map(
    ({ groups, into, out, kernel, stride, before, after, extra, batch, bias }) => {
      // Padding of a whole kernel and more would be rows of nothing.
      const padded = (padding: readonly number[]) => padding.map((count, axis) => Math.min(count, kernel[axis] - 1));
      const operator: Operator = {
        op: "convolution", module: "m", ...io, inChannels: groups * into, outChannels: groups * out, kernel, stride, paddingBefore: padded(before), paddingAfter: padded(after), bias, ...(groups > 1 && { groups }),
      };
      return one(operator, [batch, groups * into, ...kernel.map((count, axis) => count + extra[axis])]);
    },
  ),
);

const attentions = fc
  .record({ batch: size(2), keyHeads: size(2), groups: size(3), size: size(4), valueSize: size(4), length: size(5), keyLength: size(5), causal: fc.boolean(), window: fc.option(size(3), { nil: undefined }), softcap: fc.option(fc.constant(2), { nil: undefined }), bias: fc.boolean(), scale: fc.option(fc.constant(0.3), { nil: undefined }) })
  .chain((drawn) => {
    const { batch, keyHeads, groups, causal, window, softcap, bias, scale, length } = drawn;
    const keyLength = causal ? length : drawn.keyLength;
    const heads = keyHeads * groups;
    const operator: Operator = {
      op: "attention", query: "q", key: "k", value: "v", heads, causal, output: "y",
      ...(groups > 1 && { keyHeads }), ...(causal && window !== undefined && { window }), ...(softcap !== undefined && { softcap }), ...(scale !== undefined && { scale }), ...(bias && { bias: "b" }),
    };
    return stretched([batch, heads, length, keyLength]).map((biasShape): RandomOperator => ({
      operator,
      inputs: [float("q", [batch, length, heads * drawn.size]), float("k", [batch, keyLength, keyHeads * drawn.size]), float("v", [batch, keyLength, keyHeads * drawn.valueSize]), ...(bias ? [float("b", biasShape)] : [])],
    }));
  });

const slices = shapes().chain((shape) =>
  size(shape.length - 1, 0).chain((axis) =>
    size(shape[axis] - 1, 0).chain((start) => size(shape[axis] - start).map((count) => one({ op: "slice", ...io, axis: axis - shape.length, start, size: count }, shape))),
  ),
);

const concats = fc.tuple(shapes(), size(3, 0), fc.array(size(3), { minLength: 1, maxLength: 3 })).map(([shape, at, counts]): RandomOperator => {
  const axis = at % shape.length;
  return {
    operator: { op: "concat", inputs: counts.map((_, index) => `x${index}`), axis: axis - shape.length, output: "y" },
    inputs: counts.map((count, index) => float(`x${index}`, shape.map((each, other) => (other === axis ? count : each)))),
  };
});

const patterns = fc.tuple(
  fc.constantFrom("n c h w -> n (h w) c", "n c (h p) (w q) -> n (h w) (c p q)", "n c h w -> (n w) h c", "n c h w -> n c h w", "n c h w -> (n f) c (h w)", "n c h w -> n f c 1 h w", "n c h w -> w (h c) n"),
  fc.tuple(size(2), size(3), size(2), size(2)),
);

const rearranged = patterns.map(([pattern, [n, c, h, w]]): RandomOperator => one({ op: "rearrange", ...io, pattern, sizes: { p: 2, q: 2, ...(pattern.includes("f") && { f: 3 }) } }, [n, c, 2 * h, 2 * w]));

/** Each operator that a gradient goes through or that has parameters. */
const arbitraries: Readonly<Record<Exclude<OperatorName, "timestepEmbedding">, Arbitrary<RandomOperator>>> = {
  convolution: convolutions,
  linear: fc.tuple(shapes(), size(5), fc.boolean()).map(([shape, outFeatures, bias]) => one({ op: "linear", module: "m", ...io, inFeatures: shape[shape.length - 1], outFeatures, bias }, shape)),
  groupNorm: fc.tuple(size(3), size(3), size(3, 2), fc.array(size(4), { minLength: 1, maxLength: 3 })).map(([batch, groups, each, spatial]) => one({ op: "groupNorm", module: "m", ...io, groups, channels: groups * each, epsilon: 1e-3 }, [batch, groups * each, ...spatial])),
  layerNorm: fc.tuple(shapes(3), size(3), size(6, 3), fc.constantFrom("weight and bias" as const, "weight" as const, "none" as const)).map(([shape, heads, features, affine]) => one({ op: "layerNorm", module: "m", ...io, features, epsilon: 1e-3, affine }, [...shape, heads * features])),
  rmsNorm: fc.tuple(shapes(3), size(3), size(6, 2), fc.boolean(), fc.constantFrom(0 as const, 1 as const), fc.constantFrom("weight" as const, "none" as const)).map(([shape, heads, features, overChannels, offset, affine]) =>
    overChannels
      ? one({ op: "rmsNorm", module: "m", ...io, features, epsilon: 1e-3, affine, offset, axis: 1 }, [shape[0], features, ...shape.slice(1)])
      : one({ op: "rmsNorm", module: "m", ...io, features, epsilon: 1e-3, affine, offset }, [...shape, heads * features]),
  ),
  activation: fc.tuple(functions, shapes()).map(([name, shape]) => one({ op: "activation", function: name, ...io }, shape)),
  gated: fc.tuple(functions, shapes()).map(([name, shape]) => one({ op: "gated", function: name, ...io }, [...shape.slice(0, -1), 2 * shape[shape.length - 1]])),
  add: pair("add"),
  multiply: pair("multiply"),
  divide: pair("divide"),
  modulate: shapes().chain((shape) => fc.tuple(stretched(shape), stretched(shape)).map(([scale, shift]) => ({ operator: { op: "modulate", ...io, scale: "s", shift: "t" }, inputs: [float("x", shape), float("s", scale), float("t", shift)] }))),
  scale: fc.tuple(shapes(), fc.constantFrom(0, -1)).map(([shape, offset]) => one({ op: "scale", ...io, factor: 0.7, offset }, shape)),
  concat: concats,
  perSample: fc.tuple(shapes(), size(3)).map(([[, ...rest], batch]) => ({ operator: { op: "perSample", ...io, like: "l" }, inputs: [float("x", [1, ...rest]), float("l", [batch, 2])] })),
  slice: slices,
  rearrange: rearranged,
  attention: attentions,
  rotary: fc.tuple(size(2), size(3), size(3), size(3), fc.boolean(), fc.constantFrom("halves" as const, "interleaved" as const)).map(([batch, length, heads, half, shared, layout]) => {
    const table = [shared ? 1 : batch, length, 2 * half];
    return { operator: { op: "rotary", ...io, cos: "c", sin: "s", layout }, inputs: [float("x", [batch, length, heads * 2 * half]), float("c", table), float("s", table)] };
  }),
  upsampleNearest: size(2, 2).chain((axes) => fc.tuple(size(2), size(3), perAxis(axes, 3, 1), perAxis(axes, 3, 1)).map(([batch, channels, spatial, factors]) => one({ op: "upsampleNearest", ...io, factors }, [batch, channels, ...spatial]))),
  averagePool: fc.tuple(size(2), size(3), perAxis(2, 3, 1), perAxis(2, 7, 3)).map(([batch, channels, kernel, spatial]) => one({ op: "averagePool", ...io, kernel }, [batch, channels, ...spatial])),
  mean: fc.tuple(shapes(), size(2)).map(([shape, axis]) => one({ op: "mean", ...io, axis: Math.min(axis, shape.length - 1) }, shape)),
  learnedTensor: fc.tuple(size(4), size(4)).map(([rows, columns]) => ({ operator: { op: "learnedTensor", module: "m", shape: [rows, columns], as: [1, columns * rows], output: "y" }, inputs: [] })),
  fourierEmbedding: fc.tuple(size(4), size(4), fc.boolean()).map(([batch, frequencies, flipSinToCos]) => ({ operator: { op: "fourierEmbedding", module: "m", ...io, frequencies, flipSinToCos, log: false }, inputs: [float("x", [batch])] })),
  tokenEmbedding: fc.tuple(size(2), size(5), size(6), size(4)).map(([batch, length, vocabulary, features]) => ({ operator: { op: "tokenEmbedding", module: "m", ...io, vocabulary, features }, inputs: [ids("x", [batch, length], vocabulary)] })),
  selectToken: fc.tuple(size(3), size(5), size(4), fc.option(fc.constant(2), { nil: undefined })).map(([batch, length, features, token]) => ({ operator: { op: "selectToken", ...io, ids: "i", ...(token !== undefined && { token }) }, inputs: [float("x", [batch, length, features]), ids("i", [batch, length], 5)] })),
  relativePositionBias: fc.tuple(size(9), size(3)).map(([length, heads]) => ({ operator: { op: "relativePositionBias", module: "m", like: "l", heads, buckets: 8, maxDistance: 6, output: "y" }, inputs: [float("l", [2, length, 3])] })),
  positionEmbedding: fc.tuple(size(3), size(4), size(3, 0), size(4)).map(([batch, length, more, features]) => ({ operator: { op: "positionEmbedding", module: "m", ...io, positions: length + more, features }, inputs: [float("x", [batch, length, features])] })),
};

/** `count` of each operator; the same for the same seed. */
export function randomOperators(seed: number, count: number): readonly RandomOperator[] {
  return Object.values(arbitraries).flatMap((arbitrary) => fc.sample(arbitrary, { seed, numRuns: count }));
}
