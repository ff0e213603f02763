/**
 * Writes what the product makes of ONNX files, for tests that compare it with the onnx package and onnxruntime.
 * node describeOnnx.js REQUEST ANSWER, a JSON list of { path, batch? }: writes a JSON list of { outputs: [{ name, type, shape }] } or { error }.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { UserError } from "../../src/model/errors";
import { nodeGraph } from "../../src/parse/onnx/graph";
import { inferGraph } from "../../src/parse/onnx/infer";
import { readOnnxFile } from "../../src/parse/onnx/reader";
import { sizesOf } from "../../src/parse/onnx/symbols";
import { nodeFiles } from "../../src/platform/nodeFiles";

interface Request {
  readonly path: string;
  readonly batch?: number;
}

async function describe({ path, batch }: Request) {
  try {
    const graph = nodeGraph(await readOnnxFile(nodeFiles, path));
    const sizes = sizesOf(graph);
    const infos = inferGraph(graph, sizes, sizes.defaults, batch ?? sizes.fixedBatch?.size ?? 1);
    return { outputs: graph.file.outputs.map(({ name }) => ({ name, type: infos.get(name)?.type, shape: infos.get(name)?.shape, value: infos.get(name)?.value })) };
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
