/** What `inspect` found, as text for people: the command line prints it, the editor shows it. */
import type { InspectedLayer, Inspection } from "../model/inspection";

const count = (value: number) => value.toLocaleString("en-US");

/** Work of a layer: F forward, I gradient of its input, W of its weights. */
export function work(layer: Pick<InspectedLayer, "needsInputGrad" | "needsWeightGrad">): string {
  return `F${layer.needsInputGrad ? "I" : "-"}${layer.needsWeightGrad ? "W" : "-"}`;
}

export function inspectTable({ model, components, chains, bindings }: Inspection): string {
  const lines = [`${model.class}  ${model.path}`, `at ${bindings.height}x${bindings.width} pixels, ${bindings.sequenceLength} tokens`];
  const nameWidth = Math.max(...components.flatMap(({ layers }) => layers.map(({ name }) => name.length)));
  for (const component of components) {
    const needs = component.after.length > 0 ? `, needs ${component.after.join(", ")}` : "";
    lines.push("", `${component.name}: ${component.class}, ${component.role}, ${count(component.parameters)} parameters in ${component.layers.length} layers${needs}`);
    for (const layer of component.layers) lines.push(`  ${layer.name.padEnd(nameWidth)}  ${work(layer)}  ${count(layer.parameters).padStart(13)}  ${layer.kind}`);
  }
  const chain = ({ id, segments }: Inspection["chains"][number]) => `chain ${id}: ${segments.map(({ component, from, to }) => `${component} [${from}, ${to})`).join(", ")}`;
  lines.push("", ...chains.map(chain), "F forward, I gradient of the input, W gradient of the weights");
  return `${lines.join("\n")}\n`;
}
