/**
 * Writes what the product makes of model folders, for tests that compare it with diffusers.
 * node describeModels.js REQUEST, a JSON list of { folder, out, bindings?, graphs?: batch }: writes OUT/facts.json
 * ({ error } for a refused model) and, where a batch is given, every layer's graph as OUT/COMPONENT/LAYER.onnx.
 */
import { join } from "node:path";
import { inspectDocument, inspectModel } from "../../src/app/inspect";
import { encodeModel } from "../../src/graph/encode";
import type { Bindings } from "../../src/model/profile";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { answerRequests } from "./answerRequests";

interface Request {
  readonly folder: string;
  readonly out: string;
  readonly bindings?: Partial<Bindings>;
  readonly graphs?: number;
}

async function describe({ folder, out, bindings, graphs }: Request): Promise<void> {
  const model = await inspectModel(nodeFiles, folder);
  const document = inspectDocument(model, bindings);
  const bound = model.bind(document.bindings);
  const components = [];
  for (const component of bound.components) {
    const layers = [];
    for (const { graph, ...layer } of component.layers) {
      const made = graph(graphs ?? 1);
      if (graphs !== undefined) await nodeFiles.write(join(out, component.name, `${layer.name}.onnx`), encodeModel(made));
      layers.push({ ...layer, inputs: made.inputs, parameterShapes: made.parameters, output: made.outputs[0] });
    }
    components.push({ ...component, layers });
  }
  await nodeFiles.write(join(out, "facts.json"), JSON.stringify({ ...document, components }));
}

void answerRequests(describe);
