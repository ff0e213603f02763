/** `inspect`: prints a model's components and layers. */
import { nodeFiles } from "../../platform/nodeFiles";
import { inspectDocument, inspectModel } from "../inspect";
import { inspectTable } from "../inspectTable";
import { parse, printJson, type Command } from "./command";
import { choiceOf, modelOptions, modelUsage, sizesOf } from "./modelOptions";

export const inspectCommand: Command = {
  usage: `MODEL ${modelUsage} [--json]`,
  summary: "What a model holds: components, roles, layers in order, exact parameter counts.",
  async run(argv) {
    const { values, positionals } = parse(argv, { ...modelOptions, json: { type: "boolean" } }, { names: ["MODEL"] });
    const document = inspectDocument(await inspectModel(nodeFiles, positionals[0], choiceOf(values)), sizesOf(values));
    if (values.json) printJson(document);
    else process.stdout.write(inspectTable(document));
  },
};
