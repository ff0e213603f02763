/**
 * Writes what the product makes of single components, for tests that compare them with diffusers and transformers.
 * node describeFamily.js REQUEST, a JSON list of { class, config, file, out, sizes?, controlled?, lora?, graphs?: batch }: writes
 * OUT/facts.json ({ error, file, field } for a refused configuration) and, where a batch is given, every layer's graph as
 * OUT/LAYER.onnx.
 */
import { join } from "node:path";
import { encodeModel } from "../../src/graph/encode";
import { inferShapes, shapesByName } from "../../src/graph/layer";
import { flopsOf } from "../../src/graph/operators/registry";
import type { OnnxValue } from "../../src/model/onnx";
import type { OperatorList } from "../../src/model/operator";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { answerRequests } from "./answerRequests";
import { boundLayers, type ComponentRequest } from "./componentRequest";

interface Request extends ComponentRequest {
  readonly out: string;
  readonly graphs?: number;
}

/** FLOPs of matrix products and convolutions only, without biases and softmax: what PyTorch's counter counts. */
function productFlops(body: OperatorList, inputs: readonly OnnxValue[]): number {
  const shapes = inferShapes(body, shapesByName(inputs));
  return body.operators.reduce((sum, operator, index) => {
    if (operator.op === "linear" || operator.op === "convolution") return sum + flopsOf({ ...operator, bias: false }, shapes[index]).forward;
    if (operator.op !== "attention") return sum;
    const valueProduct = flopsOf(operator, shapes[index]).inputGrad[2];
    const [query] = shapes[index].inputs;
    return sum + valueProduct * (1 + query[2] / shapes[index].output[2]);
  }, 0);
}

async function describe(request: Request): Promise<void> {
  const { description, sizes, parameters, bound } = boundLayers(request);
  const layers = [];
  for (const [index, { graph, ...layer }] of bound.entries()) {
    const { root, body, sources } = description.layers[index];
    const made = graph(request.graphs ?? 1);
    if (request.graphs !== undefined) await nodeFiles.write(join(request.out, `${layer.name}.onnx`), encodeModel(made));
    const single = graph(1);
    layers.push({ ...layer, root, sources, inputs: made.inputs, outputs: made.outputs, parameterShapes: made.parameters, productFlopsPerSample: productFlops(body, single.inputs) });
  }
  const inputs = description.inputs.map((input) => ({ ...input, shape: input.shape(sizes) }));
  await nodeFiles.write(join(request.out, "facts.json"), JSON.stringify({ class: description.class, parameters, sizes, inputs, outputs: description.outputs ?? {}, layers }));
}

void answerRequests(describe);
