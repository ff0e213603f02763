/** `inspect`: prints a model's components and layers. */
import { nodeFiles } from "../../platform/nodeFiles";
import { inspectDocument, inspectModel } from "../inspect";
import { inspectTable } from "../inspectTable";
import { commaList, parse, printJson, wholeNumber, type Command } from "./command";


export const inspectCommand: Command = {
  usage: "MODEL [--train NAMES] [--freeze NAMES] [--height H] [--width W] [--sequence-length L] [--json]",
  summary: "What a diffusers folder holds: components, roles, layers in order, exact parameter counts.",
  async run(argv) {
    const { values, positionals } = parse(
      argv,
      {
        train: { type: "string" }, freeze: { type: "string" }, height: { type: "string" }, width: { type: "string" },
        "sequence-length": { type: "string" }, json: { type: "boolean" },
      },
      { names: ["MODEL"] },
    );
    const model = await inspectModel(nodeFiles, positionals[0], { train: commaList(values.train), freeze: commaList(values.freeze) });
    const document = inspectDocument(model, {
      height: wholeNumber(values.height, "height"),
      width: wholeNumber(values.width, "width"),
      sequenceLength: wholeNumber(values["sequence-length"], "sequence-length"),
    });
    if (values.json) printJson(document);
    else process.stdout.write(inspectTable(document));
  },
};
