import assert from "node:assert/strict";
import fc from "fast-check";
import { layerCost } from "../../../src/graph/cost";
import { inferShapes, layerParameters, lowerLayer } from "../../../src/graph/layer";
import { ShapeError } from "../../../src/graph/operators/family";
import { outputShape } from "../../../src/graph/operators/registry";
import type { Conv2d, Operator, OperatorList, Shape } from "../../../src/model/operator";

const conv: Conv2d = { op: "conv2d", module: "conv", input: "x", output: "y", inChannels: 2, outChannels: 3, kernel: 3, stride: 2, paddingBefore: 1, paddingAfter: 1 };

describe("Operators", () => {
  const fits: readonly [Operator, readonly Shape[], Shape][] = [
    [conv, [[5, 2, 8, 6]], [5, 3, 4, 3]],
    [{ ...conv, paddingBefore: 0 }, [[5, 2, 8, 6]], [5, 3, 4, 3]],
    [{ op: "linear", module: "l", input: "x", output: "y", inFeatures: 4, outFeatures: 7, bias: false }, [[2, 3, 4]], [2, 3, 7]],
    [{ op: "geglu", input: "x", output: "y" }, [[2, 3, 8]], [2, 3, 4]],
    [{ op: "concat", inputs: ["a", "b"], output: "y" }, [[1, 2, 5, 5], [1, 6, 5, 5]], [1, 8, 5, 5]],
    [{ op: "attention", query: "q", key: "k", value: "v", heads: 2, causal: false, output: "y" }, [[1, 9, 8], [1, 4, 8], [1, 4, 8]], [1, 9, 8]],
    [{ op: "imageToTokens", input: "x", output: "y" }, [[2, 3, 4, 5]], [2, 20, 3]],
    [{ op: "tokensToImage", input: "x", like: "i", output: "y" }, [[2, 20, 3], [2, 7, 4, 5]], [2, 3, 4, 5]],
    [{ op: "upsampleNearest2x", input: "x", output: "y" }, [[1, 2, 3, 4]], [1, 2, 6, 8]],
  ];
  const misfits: readonly [Operator, readonly Shape[]][] = [
    [conv, [[5, 3, 8, 6]]],
    [conv, [[5, 2, 8]]],
    [{ ...conv, paddingBefore: 0, paddingAfter: 0 }, [[5, 2, 2, 2]]],
    [{ op: "linear", module: "l", input: "x", output: "y", inFeatures: 4, outFeatures: 7, bias: false }, [[2, 3, 5]]],
    [{ op: "groupNorm", module: "n", input: "x", output: "y", groups: 3, channels: 4, epsilon: 1e-5 }, [[1, 4, 2, 2]]],
    [{ op: "add", left: "a", right: "b", output: "y" }, [[1, 2], [2, 1]]],
    [{ op: "addChannelBias", input: "x", bias: "b", output: "y" }, [[1, 4, 2, 2], [1, 5]]],
    [{ op: "concat", inputs: ["a", "b"], output: "y" }, [[1, 2, 5, 5], [1, 6, 5, 4]]],
    [{ op: "attention", query: "q", key: "k", value: "v", heads: 3, causal: false, output: "y" }, [[1, 9, 8], [1, 4, 8], [1, 4, 8]]],
    [{ op: "attention", query: "q", key: "k", value: "v", heads: 2, causal: true, output: "y" }, [[1, 9, 8], [1, 4, 8], [1, 4, 8]]],
    [{ op: "tokensToImage", input: "x", like: "i", output: "y" }, [[2, 21, 3], [2, 7, 4, 5]]],
    [{ op: "positionEmbedding", module: "p", input: "x", output: "y", positions: 4, features: 3 }, [[1, 5, 3]]],
  ];
  for (const [operator, inputs, output] of fits) it(`infer the shape of ${operator.op}`, () => assert.deepEqual(outputShape(operator, inputs), output));
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
    output: "y",
  };
  const shapes = (batch: number) => new Map<string, Shape>([["x", [batch, 4]]]);

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
    const none = layerCost(list, shapes(1), false, new Set());
    assert.deepEqual([none.forwardFlops, none.inputGradFlops, none.weightGradFlops], [2 * product + 8 + 4 * 8, 0, 0]);
    const passing = layerCost(list, shapes(1), false, new Set(["x"]));
    assert.deepEqual([passing.inputGradFlops, passing.weightGradFlops], [2 * product + 8 * 8, 0]);
    assert.deepEqual([passing.savedUntilInputGradBytes, passing.savedUntilWeightGradBytes], [8 * 4, 0]);
    const first = layerCost(list, shapes(1), true, new Set());
    assert.deepEqual([first.inputGradFlops, first.weightGradFlops], [0, 2 * product + 8 + product + 8 * 8]);
    assert.deepEqual([first.savedUntilInputGradBytes, first.savedUntilWeightGradBytes], [0, (4 + 8 + 8) * 4]);
    const whole = layerCost(list, shapes(1), true, new Set(["x"]));
    assert.deepEqual([whole.inputGradFlops, whole.weightGradFlops], [2 * product + 8 * 8, 2 * product + 8]);
    assert.deepEqual([whole.savedUntilInputGradBytes, whole.savedUntilWeightGradBytes], [8 * 4, (4 + 8) * 4]);
  });

  it("costs in proportion to its batch", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.boolean(), fc.boolean(), (batch, trainable, wanted) => {
        const cost = (size: number) => layerCost(list, shapes(size), trainable, new Set(wanted ? ["x"] : []));
        const one = cost(1);
        assert.deepEqual(cost(batch), Object.fromEntries(Object.entries(one).map(([key, value]) => [key, (value as number) * batch])));
      }),
    );
  });
});
