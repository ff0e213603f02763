/** `inspect`: prints a model's components and layers. */
import { inspectDocument } from "../inspect";
import { inspectTable } from "../inspectTable";
import { parse, printJson, type Command } from "./command";
import { modelOptions, modelUsage, sizesOf } from "./modelOptions";
import { modelNamed, traceOptions, traceUsage } from "./traced";

export const inspectCommand: Command = {
  usage: `MODEL ${modelUsage} ${traceUsage} [--json]`,
  summary: "What a model holds: components, roles, layers in order, exact parameter counts.",
  async run(argv, signal) {
    const { values, positionals } = parse(argv, { ...modelOptions, ...traceOptions, json: { type: "boolean" } }, { names: ["MODEL"] });
    const document = inspectDocument(await modelNamed(positionals[0], values, signal), sizesOf(values));
    if (values.json) printJson(document);
    else process.stdout.write(inspectTable(document));
  },
};
