/**
 * Writes layers with their forward, I and W graphs, for tests that compare gradients with autograd's.
 * node describeGradients.js REQUEST, a JSON list of { out } and either { seed, count }, random operators, or a component's { class,
 * config, file, batch, sizes?, controlled?, lora? }. Writes OUT/facts.json, a list of layers, and OUT/INDEX.{forward,I,W}.onnx. The forward graph
 * has every value of the layer as an output. Every parameter gets a gradient, and every float32 input that carries one (tables do not).
 */
import { join } from "node:path";
import { lowerBackward, gradientName } from "../../src/graph/backward";
import { layerCost } from "../../src/graph/cost";
import { encodeModel } from "../../src/graph/encode";
import { lowerLayer, shapesByName } from "../../src/graph/layer";
import type { OnnxValue } from "../../src/model/onnx";
import type { OperatorList } from "../../src/model/operator";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { answerRequests } from "./answerRequests";
import { boundLayers, type ComponentRequest } from "./componentRequest";
import { randomOperators } from "./randomOperators";
import { gradientInputsOf, inputsOf } from "../../src/graph/operators/registry";

type Request = { readonly out: string } & ({ readonly seed: number; readonly count: number } | (ComponentRequest & { readonly batch: number }));

interface Layer {
  /** Equal layers are described once; operators at random are all different. */
  readonly signature: string;
  readonly name: string;
  readonly kind: string;
  readonly root: string;
  readonly body: OperatorList;
  readonly inputs: readonly OnnxValue[];
}

function layersOf(request: Request): readonly Layer[] {
  if ("seed" in request) {
    return randomOperators(request.seed, request.count).map(({ operator, inputs }, index) => ({
      signature: `${index}`, name: `${index}`, kind: operator.op, root: "", inputs, body: { inputs: inputsOf(operator), operators: [operator], outputs: [operator.output] },
    }));
  }
  const { layers, bound } = boundLayers(request);
  return bound.flatMap(({ name, kind, signature, graph }, index) => {
    const first = bound.findIndex((layer) => layer.signature === signature) === index;
    return first ? [{ signature, name, kind, root: layers[index].root, body: layers[index].body, inputs: graph(request.batch).inputs }] : [];
  });
}

/** Without gradients of what they read: timesteps, and tables of angles. */
const ends = new Set(["timestepEmbedding", "fourierEmbedding", "rotary"]);

/** Whether a value's whole gradient is ours to find: none of it comes through an operator that has none. */
function carries({ operators }: OperatorList, value: string): boolean {
  return operators.every((operator) => {
    if (gradientInputsOf(operator).includes(value)) return carries({ inputs: [], operators, outputs: [] }, operator.output);
    return !(ends.has(operator.op) && inputsOf(operator).includes(value));
  });
}

async function describe(request: Request): Promise<void> {
  const facts = [];
  for (const [index, { signature, name, kind, root, body, inputs }] of layersOf(request).entries()) {
    const options = { learns: () => true, inputs: new Set(inputs.filter((input) => input.type === "float32" && carries(body, input.name)).map((input) => input.name)) };
    const backward = lowerBackward(name, root, body, inputs, options);
    const values = body.operators.map(({ output }) => output);
    const forward = lowerLayer(name, root, { ...body, outputs: values }, inputs);
    const graphs = { forward, I: backward.inputGrad, W: backward.weightGrad };
    for (const [pass, graph] of Object.entries(graphs)) {
      if (graph) await nodeFiles.write(join(request.out, `${index}.${pass}.onnx`), encodeModel(graph));
    }
    const named = (list: readonly OnnxValue[] = []) => list.map((value) => value.name);
    const cost = layerCost(body, shapesByName(inputs), options);
    facts.push({
      signature, name, kind, inputs, wanted: [...options.inputs], values, parameters: forward.parameters,
      outputs: body.outputs.map((output) => ({ value: output, gradient: gradientName(output) })),
      I: backward.inputGrad && { reads: named(backward.inputGrad.inputs), parameters: named(backward.inputGrad.parameters), makes: named(backward.inputGrad.outputs), of: backward.inputs },
      W: backward.weightGrad && { reads: named(backward.weightGrad.inputs), parameters: named(backward.weightGrad.parameters), makes: named(backward.weightGrad.outputs), of: backward.parameters },
      savedBytes: cost.savedUntilInputGradBytes + cost.savedUntilWeightGradBytes,
    });
  }
  await nodeFiles.write(join(request.out, "facts.json"), JSON.stringify(facts));
}

void answerRequests(describe);
