/** `inspect`: prints a model's components and layers. */
import { nodeFiles } from "../../platform/nodeFiles";
import { inspectDocument, inspectModel, type InspectDocument } from "../inspect";
import { parse, printJson, wholeNumber, type Command } from "./command";

const names = (list: string | undefined) => list?.split(",").map((name) => name.trim()).filter((name) => name !== "");
const count = (value: number) => value.toLocaleString("en-US");

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
    const model = await inspectModel(nodeFiles, positionals[0], { train: names(values.train), freeze: names(values.freeze) });
    const document = inspectDocument(model, {
      height: wholeNumber(values.height, "height"),
      width: wholeNumber(values.width, "width"),
      sequenceLength: wholeNumber(values["sequence-length"], "sequence-length"),
    });
    if (values.json) printJson(document);
    else process.stdout.write(inspectTable(document));
  },
};

/** Work of a layer: F forward, I gradient of its input, W of its weights. */
function work(layer: InspectDocument["components"][number]["layers"][number]): string {
  return `F${layer.needsInputGrad ? "I" : "-"}${layer.needsWeightGrad ? "W" : "-"}`;
}

function inspectTable({ model, components, chains, bindings }: InspectDocument): string {
  const lines = [`${model.class}  ${model.path}`, `at ${bindings.height}x${bindings.width} pixels, ${bindings.sequenceLength} tokens`];
  const nameWidth = Math.max(...components.flatMap(({ layers }) => layers.map(({ name }) => name.length)));
  for (const component of components) {
    const needs = component.after.length > 0 ? `, needs ${component.after.join(", ")}` : "";
    lines.push("", `${component.name}: ${component.class}, ${component.role}, ${count(component.parameters)} parameters in ${component.layers.length} layers${needs}`);
    for (const layer of component.layers) lines.push(`  ${layer.name.padEnd(nameWidth)}  ${work(layer)}  ${count(layer.parameters).padStart(13)}  ${layer.kind}`);
  }
  const chain = ({ id, segments }: InspectDocument["chains"][number]) => `chain ${id}: ${segments.map(({ component, from, to }) => `${component} [${from}, ${to})`).join(", ")}`;
  lines.push("", ...chains.map(chain), "F forward, I gradient of the input, W gradient of the weights");
  return `${lines.join("\n")}\n`;
}
