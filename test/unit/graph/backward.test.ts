import assert from "node:assert/strict";
import { join } from "node:path";
import { inspectModel } from "../../../src/app/inspect";
import { gradientName, lowerBackward } from "../../../src/graph/backward";
import { GraphBuilder } from "../../../src/graph/builder";
import { inputsOf, lowerInputGrad, lowerWeightGrad, savedBy } from "../../../src/graph/operators/registry";
import { inferShapes } from "../../../src/graph/layer";
import { UserError } from "../../../src/model/errors";
import type { BackwardGraphs, OnnxGraph, OnnxValue } from "../../../src/model/onnx";
import { elements, type Operator, type OperatorList } from "../../../src/model/operator";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { randomOperators } from "../../tools/randomOperators";

const namesOf = (values: readonly OnnxValue[] = []) => values.map(({ name }) => name);

/** Every value that a node reads is there before it, and every output is made. */
function assertClosed(graph: OnnxGraph): void {
  const known = new Set(["", ...namesOf(graph.inputs), ...namesOf(graph.parameters), ...namesOf(graph.constants)]);
  for (const node of graph.nodes) {
    for (const input of node.inputs) assert.ok(known.has(input), `${graph.name}: ${input}`);
    for (const output of node.outputs) {
      assert.ok(!known.has(output), `${graph.name} makes ${output} twice`);
      known.add(output);
    }
  }
  for (const output of graph.outputs) assert.ok(known.has(output.name), `${graph.name}: ${output.name}`);
  assert.equal(new Set(namesOf(graph.outputs)).size, graph.outputs.length, graph.name);
}

const graphsOf = ({ inputGrad, weightGrad }: BackwardGraphs) => [inputGrad, weightGrad].filter((graph) => graph !== undefined);

describe("the backward pass of a layer", () => {
  it("reads of the forward pass what its operators say they keep, and no more", () => {
    for (const { operator, inputs } of randomOperators(3, 5)) {
      const names = inputsOf(operator);
      const list: OperatorList = { inputs: names, operators: [operator], outputs: [operator.output] };
      const float = inputs.filter(({ type }) => type === "float32").map(({ name }) => name);
      const { inputGrad, weightGrad } = lowerBackward("layer", "", list, inputs, { learns: () => true, inputs: new Set(float) });
      const [shapes] = inferShapes(list, new Map(inputs.map((value) => [value.name, value.shape])));
      const saved = savedBy(operator, shapes);
      const gradient = gradientName(operator.output);
      for (const name of namesOf(inputGrad?.inputs)) assert.ok([gradient, ...saved.forInputGrad].includes(name), `${operator.op} I reads ${name}`);
      for (const name of namesOf(weightGrad?.inputs)) assert.ok([gradient, ...saved.forWeightGrad].includes(name), `${operator.op} W reads ${name}`);
    }
  });

  it("has graphs exactly as a layer's flags ask for them, in every trained layer of the models that ship", async function () {
    this.timeout(60_000);
    for (const name of ["stable-diffusion-2-1", "stable-diffusion-1-5-controlnet", "stable-diffusion-xl", "ddpm-cifar10-32", "cascade-64-256"]) {
      const model = await inspectModel(nodeFiles, join(process.cwd(), "media/models", name));
      for (const { name: component, layers } of model.bind(model.defaultBindings).components) {
        for (const layer of layers) {
          const backward = layer.backward!(2);
          assert.deepEqual([backward.inputGrad !== undefined, backward.weightGrad !== undefined], [layer.needsInputGrad, layer.needsWeightGrad], `${component} ${layer.name}`);
          graphsOf(backward).forEach(assertClosed);
          const handed = new Set(namesOf(backward.inputGrad?.outputs));
          const kept = [...new Set(graphsOf(backward).flatMap((graph) => graph.inputs))].filter(({ name: value }) => !handed.has(value) && !value.startsWith("grad."));
          const bytes = new Map(kept.map(({ name: value, shape }) => [value, elements(shape) * 4]));
          const counted = 2 * (layer.savedBytesPerSample.untilInputGrad + layer.savedBytesPerSample.untilWeightGrad);
          // Values that are the same for all samples are kept once: what is counted per sample is at least as much.
          assert.ok([...bytes.values()].reduce((sum, each) => sum + each, 0) <= counted + 1, `${component} ${layer.name}`);
        }
      }
    }
  });

  it("hands the gradients that W needs from I to it, each once", () => {
    const product = (module: string, input: string, output: string): Operator => ({ op: "linear", module, input, output, inFeatures: 4, outFeatures: 4, bias: true });
    const list: OperatorList = { inputs: ["x"], operators: [product("a", "x", "h"), { op: "activation", function: "silu", input: "h", output: "s" }, product("b", "s", "y")], outputs: ["y"] };
    const inputs: readonly OnnxValue[] = [{ name: "x", type: "float32", shape: [2, 4] }];
    const whole = lowerBackward("layer", "m.", list, inputs, { learns: () => true, inputs: new Set(["x"]) });
    assert.deepEqual([whole.inputs, whole.parameters], [["x"], ["m.b.weight", "m.b.bias", "m.a.weight", "m.a.bias"]]);
    const [, handed] = namesOf(whole.inputGrad!.outputs);
    assert.deepEqual(new Set(namesOf(whole.weightGrad!.inputs)), new Set(["grad.y", handed, "s", "x"]));
    const first = lowerBackward("layer", "m.", list, inputs, { learns: () => true, inputs: new Set() });
    assert.equal(first.inputGrad, undefined);
    assert.deepEqual(namesOf(first.weightGrad!.inputs).sort(), ["grad.y", "h", "s", "x"]);
    const passing = lowerBackward("layer", "m.", list, inputs, { learns: () => false, inputs: new Set(["x"]) });
    assert.deepEqual([passing.weightGrad, namesOf(passing.inputGrad!.inputs).sort()], [undefined, ["grad.y", "h"]]);
  });

  it("names an operator that has no gradient", () => {
    const operator: Operator = { op: "timestepEmbedding", input: "t", output: "e", channels: 4, flipSinToCos: false, frequencyShift: 0 };
    const shapes = { inputs: [[2]], output: [2, 4] };
    assert.throws(() => lowerInputGrad(operator, shapes, new GraphBuilder(""), "grad.e", [true]), (error) => error instanceof UserError && /"timestepEmbedding" that makes "e" has no gradient of its inputs/.test(error.message));
    assert.throws(() => lowerWeightGrad(operator, shapes, new GraphBuilder(""), "grad.e"), /no gradient of its parameters/);
  });
});
