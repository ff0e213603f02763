import assert from "node:assert/strict";
import fc from "fast-check";
import { layerCost } from "../../../src/graph/cost";
import { inferShapes, layerParameters, lowerLayer } from "../../../src/graph/layer";
import { ShapeError } from "../../../src/graph/operators/family";
import { flopsOf, gradientInputsOf, inputsOf, outputShape, parametersOf, savedBy } from "../../../src/graph/operators/registry";
import type { Attention, Convolution, Linear, Operator, OperatorList, OperatorName, Rearrange, Shape } from "../../../src/model/operator";

const io = { input: "x", output: "y" } as const;
const conv: Convolution = { op: "convolution", module: "conv", ...io, inChannels: 2, outChannels: 3, kernel: [3, 3], stride: [2, 2], paddingBefore: [1, 1], paddingAfter: [1, 1], bias: true };
const linear: Linear = { op: "linear", module: "l", ...io, inFeatures: 4, outFeatures: 7, bias: false };
const attention: Attention = { op: "attention", query: "q", key: "k", value: "v", heads: 2, causal: false, output: "y" };
const rearrange = (pattern: string, more: Partial<Rearrange> = {}): Rearrange => ({ op: "rearrange", ...io, pattern, ...more });

type Fit = readonly [operator: Operator, inputs: readonly Shape[], output: Shape];

/** Every operator at least once. */
const fits: Readonly<Record<OperatorName, readonly Fit[]>> = {
  convolution: [
    [conv, [[5, 2, 8, 6]], [5, 3, 4, 3]],
    [{ ...conv, paddingBefore: [0, 0] }, [[5, 2, 8, 6]], [5, 3, 4, 3]],
    [{ ...conv, outChannels: 4, groups: 2 }, [[5, 2, 8, 6]], [5, 4, 4, 3]],
    [{ ...conv, kernel: [3, 1, 1], stride: [1, 1, 1], paddingBefore: [1, 0, 0], paddingAfter: [1, 0, 0] }, [[1, 2, 5, 4, 4]], [1, 3, 5, 4, 4]],
  ],
  linear: [[linear, [[2, 3, 4]], [2, 3, 7]], [{ ...linear, bias: true }, [[2, 4]], [2, 7]]],
  groupNorm: [[{ op: "groupNorm", module: "n", ...io, groups: 2, channels: 4, epsilon: 1e-5 }, [[1, 4, 2, 2]], [1, 4, 2, 2]]],
  layerNorm: [
    [{ op: "layerNorm", module: "n", ...io, features: 4, epsilon: 1e-5, affine: "weight and bias" }, [[1, 3, 4]], [1, 3, 4]],
    [{ op: "layerNorm", module: "n", ...io, features: 4, epsilon: 1e-5, affine: "none" }, [[1, 3, 8]], [1, 3, 8]],
  ],
  rmsNorm: [
    [{ op: "rmsNorm", module: "n", ...io, features: 4, epsilon: 1e-5, affine: "weight", offset: 1 }, [[1, 3, 8]], [1, 3, 8]],
    [{ op: "rmsNorm", module: "n", ...io, features: 4, epsilon: 1e-5, affine: "weight", offset: 0, axis: 1 }, [[1, 4, 3, 2]], [1, 4, 3, 2]],
  ],
  activation: [[{ op: "activation", function: "silu", ...io }, [[2, 3]], [2, 3]]],
  gated: [[{ op: "gated", function: "gelu", ...io }, [[2, 3, 8]], [2, 3, 4]]],
  add: [[{ op: "add", left: "a", right: "b", output: "y" }, [[2, 3, 4], [2, 1, 4]], [2, 3, 4]], [{ op: "add", left: "a", right: "b", output: "y" }, [[1, 2], [2, 1]], [2, 2]]],
  multiply: [[{ op: "multiply", left: "a", right: "b", output: "y" }, [[2, 3], [3]], [2, 3]]],
  divide: [[{ op: "divide", left: "a", right: "b", output: "y" }, [[2, 3, 4, 4], [2, 1, 1, 1]], [2, 3, 4, 4]]],
  modulate: [[{ op: "modulate", ...io, scale: "s", shift: "t" }, [[2, 3, 4], [2, 1, 4], [2, 1, 4]], [2, 3, 4]]],
  scale: [[{ op: "scale", ...io, factor: 2, offset: -1 }, [[2, 3]], [2, 3]]],
  concat: [[{ op: "concat", inputs: ["a", "b"], axis: 1, output: "y" }, [[1, 2, 5, 5], [1, 6, 5, 5]], [1, 8, 5, 5]], [{ op: "concat", inputs: ["a", "b"], axis: -1, output: "y" }, [[1, 2], [1, 3]], [1, 5]]],
  perSample: [[{ op: "perSample", ...io, like: "i" }, [[1, 3], [5, 2, 2]], [5, 3]]],
  slice: [
    [{ op: "slice", ...io, axis: -1, start: 2, size: 3 }, [[2, 8]], [2, 3]],
    [{ op: "slice", ...io, axis: 1, start: { like: "i", axis: 1 } }, [[2, 8, 3], [2, 5, 3]], [2, 3, 3]],
  ],
  rearrange: [
    [rearrange("n c h w -> n (h w) c"), [[2, 3, 4, 5]], [2, 20, 3]],
    [rearrange("n (h w) c -> n c h w", { like: { value: "i", pattern: "n other h w" } }), [[2, 20, 3], [2, 7, 4, 5]], [2, 3, 4, 5]],
    [rearrange("n c (h p) (w q) -> n (h w) (c p q)", { sizes: { p: 2, q: 2 } }), [[1, 3, 4, 6]], [1, 6, 12]],
    [rearrange("n c -> n c 1 1"), [[2, 3]], [2, 3, 1, 1]],
    [rearrange("n l c -> (n f) l c", { like: { value: "i", pattern: "n f" } }), [[2, 3, 4], [2, 5]], [10, 3, 4]],
  ],
  attention: [
    [attention, [[1, 9, 8], [1, 4, 8], [1, 4, 8]], [1, 9, 8]],
    [{ ...attention, heads: 4, keyHeads: 2, bias: "b" }, [[1, 9, 8], [1, 4, 4], [1, 4, 6], [1, 4, 9, 4]], [1, 9, 12]],
  ],
  rotary: [[{ op: "rotary", ...io, cos: "c", sin: "s", layout: "halves" }, [[2, 3, 8], [1, 3, 4], [1, 3, 4]], [2, 3, 8]]],
  upsampleNearest: [[{ op: "upsampleNearest", ...io, factors: [2, 3] }, [[1, 2, 3, 4]], [1, 2, 6, 12]]],
  averagePool: [[{ op: "averagePool", ...io, kernel: [2, 2] }, [[1, 2, 5, 4]], [1, 2, 2, 2]]],
  mean: [[{ op: "mean", ...io, axis: 1 }, [[2, 7, 3]], [2, 1, 3]]],
  learnedTensor: [[{ op: "learnedTensor", module: "t", shape: [3, 4], as: [1, 3, 4], output: "y" }, [], [1, 3, 4]]],
  timestepEmbedding: [[{ op: "timestepEmbedding", ...io, channels: 8, flipSinToCos: true, frequencyShift: 0 }, [[5]], [5, 8]]],
  fourierEmbedding: [[{ op: "fourierEmbedding", module: "t", ...io, frequencies: 4, flipSinToCos: false, log: true }, [[5]], [5, 8]]],
  tokenEmbedding: [[{ op: "tokenEmbedding", module: "t", ...io, vocabulary: 9, features: 4 }, [[2, 3]], [2, 3, 4]], [{ op: "tokenEmbedding", module: "t", ...io, vocabulary: 9, features: 4 }, [[2]], [2, 4]]],
  selectToken: [[{ op: "selectToken", ...io, ids: "i" }, [[2, 5, 4], [2, 5]], [2, 4]]],
  relativePositionBias: [[{ op: "relativePositionBias", module: "t", like: "x", heads: 3, buckets: 8, maxDistance: 20, output: "y" }, [[2, 5, 4]], [1, 3, 5, 5]]],
  positionEmbedding: [[{ op: "positionEmbedding", module: "p", ...io, positions: 6, features: 3 }, [[2, 5, 3]], [2, 5, 3]]],
};

const misfits: readonly [Operator, readonly Shape[]][] = [
  [conv, [[5, 3, 8, 6]]],
  [conv, [[5, 2, 8]]],
  [{ ...conv, paddingBefore: [0, 0], paddingAfter: [0, 0] }, [[5, 2, 2, 2]]],
  [linear, [[2, 3, 5]]],
  [{ op: "groupNorm", module: "n", ...io, groups: 3, channels: 4, epsilon: 1e-5 }, [[1, 4, 2, 2]]],
  [{ op: "gated", function: "gelu", ...io }, [[2, 3]]],
  [{ op: "add", left: "a", right: "b", output: "y" }, [[2, 2], [2, 3]]],
  [{ op: "divide", left: "a", right: "b", output: "y" }, [[2, 2], [3]]],
  [{ op: "concat", inputs: ["a", "b"], axis: 1, output: "y" }, [[1, 2, 5, 5], [1, 6, 5, 4]]],
  [{ op: "perSample", ...io, like: "i" }, [[2, 3], [5]]],
  [{ op: "slice", ...io, axis: 1, start: 6, size: 3 }, [[2, 8]]],
  [{ ...attention, heads: 3 }, [[1, 9, 8], [1, 4, 8], [1, 4, 8]]],
  [{ ...attention, causal: true }, [[1, 9, 8], [1, 4, 8], [1, 4, 8]]],
  [rearrange("n (h w) c -> n c h w", { like: { value: "i", pattern: "n other h w" } }), [[2, 21, 3], [2, 7, 4, 5]]],
  [rearrange("n c -> c n"), [[2, 3, 4]]],
  [{ op: "mean", ...io, axis: 3 }, [[2, 7, 3]]],
  [{ op: "fourierEmbedding", module: "t", ...io, frequencies: 4, flipSinToCos: false, log: true }, [[5, 1]]],
  [{ op: "positionEmbedding", module: "p", ...io, positions: 4, features: 3 }, [[1, 5, 3]]],
];

describe("Operators", () => {
  for (const [operator, inputs, output] of Object.values(fits).flat()) {
    it(`infer the shape of ${operator.op} of ${JSON.stringify(inputs)}`, () => assert.deepEqual(outputShape(operator, inputs), output));

    it(`say what ${operator.op} of ${JSON.stringify(inputs)} costs and keeps`, () => {
      const flops = flopsOf(operator, { inputs, output });
      assert.equal(flops.inputGrad.length, inputsOf(operator).length);
      for (const figure of [flops.forward, flops.weightGrad, ...flops.inputGrad]) assert.ok(Number.isFinite(figure) && figure >= 0);
      if (parametersOf(operator).length === 0) assert.equal(flops.weightGrad, 0);
      assert.ok(gradientInputsOf(operator).every((name) => inputsOf(operator).includes(name)));
      const kept = savedBy(operator, { inputs, output });
      for (const name of [...kept.forInputGrad, ...kept.forWeightGrad]) assert.ok([...inputsOf(operator), operator.output].includes(name), name);
    });

    it(`lower ${operator.op} of ${JSON.stringify(inputs)} to nodes that know all they take`, () => {
      const names = inputsOf(operator);
      const values = names.map((name, index) => ({ name, type: "float32" as const, shape: inputs[index] }));
      const graph = lowerLayer("one", "", { inputs: names, operators: [operator], outputs: [operator.output] }, values);
      const known = new Set([...names, ...graph.parameters.map(({ name }) => name), ...graph.constants.map(({ name }) => name), ""]);
      for (const node of graph.nodes) {
        for (const input of node.inputs) assert.ok(known.has(input), input);
        node.outputs.forEach((made) => known.add(made));
      }
      assert.ok(known.has(graph.outputs[0].name));
      assert.deepEqual(graph.outputs[0].shape, output);
    });
  }

  for (const [operator, inputs] of misfits) it(`refuse what does not fit ${operator.op}: ${JSON.stringify(inputs)}`, () => assert.throws(() => outputShape(operator, inputs), ShapeError));
});

describe("A layer of operators", () => {
  const list: OperatorList = {
    inputs: ["x"],
    operators: [
      { op: "linear", module: "first", input: "x", output: "a", inFeatures: 4, outFeatures: 8, bias: true },
      { op: "activation", function: "silu", input: "a", output: "b" },
      { op: "linear", module: "second", input: "b", output: "y", inFeatures: 8, outFeatures: 4, bias: false },
    ],
    outputs: ["y"],
  };
  const shapes = (batch: number) => new Map<string, Shape>([["x", [batch, 4]]]);
  const all = () => true;
  const nothing = () => false;

  it("names parameters as the state dict does, below its root", () => {
    assert.deepEqual(layerParameters(list).map(({ name, shape }) => [name, ...shape]), [["first.weight", 8, 4], ["first.bias", 8], ["second.weight", 4, 8]]);
    const graph = lowerLayer("one", "blocks.3.", list, [{ name: "x", type: "float32", shape: [2, 4] }]);
    assert.deepEqual(graph.parameters.map(({ name }) => name), ["blocks.3.first.weight", "blocks.3.first.bias", "blocks.3.second.weight"]);
    assert.deepEqual(graph.outputs[0].shape, [2, 4]);
  });

  it("refuses a value that no operator makes", () => {
    assert.throws(() => inferShapes({ ...list, operators: list.operators.slice(1) }, shapes(1)), /makes the value "a"/);
  });

  it("splits its backward by who wants which gradient", () => {
    const product = 2 * 4 * 8;
    const none = layerCost(list, shapes(1), { learns: nothing, inputs: new Set() });
    assert.deepEqual([none.forwardFlops, none.inputGradFlops, none.weightGradFlops], [2 * product + 8 + 4 * 8, 0, 0]);
    const passing = layerCost(list, shapes(1), { learns: nothing, inputs: new Set(["x"]) });
    assert.deepEqual([passing.inputGradFlops, passing.weightGradFlops], [2 * product + 8 * 8, 0]);
    assert.deepEqual([passing.savedUntilInputGradBytes, passing.savedUntilWeightGradBytes], [8 * 4, 0]);
    const first = layerCost(list, shapes(1), { learns: all, inputs: new Set() });
    assert.deepEqual([first.inputGradFlops, first.weightGradFlops], [0, 2 * product + 8 + product + 8 * 8]);
    assert.deepEqual([first.savedUntilInputGradBytes, first.savedUntilWeightGradBytes], [0, (4 + 8 + 8) * 4]);
    const whole = layerCost(list, shapes(1), { learns: all, inputs: new Set(["x"]) });
    assert.deepEqual([whole.inputGradFlops, whole.weightGradFlops], [2 * product + 8 * 8, 2 * product + 8]);
    assert.deepEqual([whole.savedUntilInputGradBytes, whole.savedUntilWeightGradBytes], [8 * 4, (4 + 8) * 4]);
  });

  it("trains the operators that learn, and passes gradients through the others", () => {
    const product = 2 * 4 * 8;
    const second = layerCost(list, shapes(1), { learns: (operator) => "module" in operator && operator.module === "second", inputs: new Set() });
    assert.deepEqual([second.inputGradFlops, second.weightGradFlops], [0, product]);
    assert.deepEqual([second.savedUntilInputGradBytes, second.savedUntilWeightGradBytes], [0, 8 * 4]);
  });

  it("costs in proportion to its batch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.boolean(), fc.boolean(), (batch, trainable, wanted) => {
        const cost = (size: number) => {
          const { operators, ...sums } = layerCost(list, shapes(size), { learns: () => trainable, inputs: new Set(wanted ? ["x"] : []) });
          const flopsOf = (pass: "forward" | "inputGrad" | "weightGrad") => operators.reduce((sum, operator) => sum + (operator[pass]?.flops ?? 0), 0);
          assert.deepEqual([flopsOf("forward"), flopsOf("inputGrad"), flopsOf("weightGrad")], [sums.forwardFlops, sums.inputGradFlops, sums.weightGradFlops]);
          return sums;
        };
        const one = cost(1);
        assert.deepEqual(cost(batch), Object.fromEntries(Object.entries(one).map(([key, value]) => [key, value * batch])));
      }),
    );
  });
});
