/**
 * Writes what the product makes of ONNX files, for tests that compare it with the onnx package and onnxruntime.
 * node describeOnnx.js REQUEST ANSWER, a JSON list of { path, batch?, out?, options?, bindings? }: writes a JSON list of
 * { outputs: [{ name, type, shape, value? }] } or, where a folder `out` is given, the bound model with every layer's graph as
 * OUT/COMPONENT/NUMBER.onnx; { error } for a refused file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeModel } from "../../src/graph/encode";
import { UserError } from "../../src/model/errors";
import type { Bindings } from "../../src/model/profile";
import { nodeGraph } from "../../src/parse/onnx/graph";
import { inferGraph } from "../../src/parse/onnx/infer";
import { readOnnxModel, type OnnxOptions } from "../../src/parse/onnx/read";
import { readOnnxFile } from "../../src/parse/onnx/reader";
import { sizesOf } from "../../src/parse/onnx/symbols";
import type { RoleChoice } from "../../src/model/choice";
import { nodeFiles } from "../../src/platform/nodeFiles";

interface Request {
  readonly path: string;
  readonly batch?: number;
  readonly out?: string;
  readonly options?: OnnxOptions & RoleChoice;
  readonly bindings?: Partial<Bindings>;
}

async function shapes({ path, batch }: Request) {
  const graph = nodeGraph(await readOnnxFile(nodeFiles, path));
  const sizes = sizesOf(graph);
  const infos = inferGraph(graph, sizes, sizes.defaults, batch ?? sizes.fixedBatch?.size ?? 1);
  return { outputs: graph.file.outputs.map(({ name }) => ({ name, type: infos.get(name)?.type, shape: infos.get(name)?.shape, value: infos.get(name)?.value })) };
}

async function layers(out: string, { path, batch = 1, options, bindings }: Request) {
  const model = await readOnnxModel(nodeFiles, path, options);
  const bound = model.bind({ ...model.defaultBindings, ...bindings });
  const components = [];
  for (const component of bound.components) {
    const described = [];
    for (const [index, { graph, ...layer }] of component.layers.entries()) {
      const made = graph(batch);
      const file = join(out, component.name, `${index}.onnx`);
      await nodeFiles.write(file, encodeModel(made));
      described.push({ ...layer, file, inputs: made.inputs, parameterShapes: made.parameters, outputs: made.outputs });
    }
    components.push({ ...component, layers: described });
  }
  return { ...bound, components };
}

async function describe(request: Request) {
  try {
    return request.out === undefined ? await shapes(request) : await layers(request.out, request);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { error: error.message };
  }
}

async function main(): Promise<void> {
  const [, , request, answer] = process.argv;
  const answers = [];
  for (const one of JSON.parse(readFileSync(request, "utf8")) as readonly Request[]) answers.push(await describe(one));
  writeFileSync(answer, JSON.stringify(answers));
}

void main();
