/** `inspect`: prints a model's components and layers. */
import { nodeFiles } from "../../platform/nodeFiles";
import { inspectDocument, inspectModel } from "../inspect";
import { inspectTable } from "../inspectTable";
import { parse, printJson, type Command } from "./command";
import { choiceOf, modelOptions, modelUsage, sizesOf } from "./modelOptions";
import { traceClassOf, traceOptions, traceUsage, tracedModelOf } from "./traced";

export const inspectCommand: Command = {
  usage: `MODEL ${modelUsage} ${traceUsage} [--json]`,
  summary: "What a model holds: components, roles, layers in order, exact parameter counts.",
  async run(argv, signal) {
    const { values, positionals } = parse(argv, { ...modelOptions, ...traceOptions, json: { type: "boolean" } }, { names: ["MODEL"] });
    const traced = await tracedModelOf(positionals[0], values, sizesOf(values), choiceOf(values), signal);
    const document = inspectDocument(traced ?? (await inspectModel(nodeFiles, positionals[0], choiceOf(values), traceClassOf(values, signal))), sizesOf(values));
    if (values.json) printJson(document);
    else process.stdout.write(inspectTable(document));
  },
};
