/** Prints what the product recognises in `.safetensors` files, as JSON: node describeSingleFiles.js FILE... */
import { UserError } from "../../src/model/errors";
import { readPipeline } from "../../src/parse/pipelines";
import { readSingleFile } from "../../src/parse/singleFile/read";
import { nodeFiles } from "../../src/platform/nodeFiles";

async function describe(file: string): Promise<object> {
  try {
    const source = await readSingleFile(nodeFiles, file);
    const index = await source.index();
    const components = await Promise.all([...index.components].map(async ([name, className]) => [name, { class: className, config: (await source.read(name)).json }] as const));
    const model = await readPipeline(source, file);
    return { class: index.class, components: Object.fromEntries(components), parameters: Object.fromEntries(model.components.map(({ name, parameters }) => [name, parameters])) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { error: error.message };
  }
}

void Promise.all(process.argv.slice(2).map(describe)).then((described) => process.stdout.write(JSON.stringify(described)));
