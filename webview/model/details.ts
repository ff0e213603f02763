/** The details pane: what a row stands for, and by name what crosses the cut after it. */
import type { Tensor } from "../../src/model/profile";
import { formatBytes, formatCount } from "../../src/timeline/layout/format";
import { element } from "../dom";
import { button } from "../ui";
import { formatFlops, totalsOf, workOf } from "./figures";
import { bytesOf, type LayerCut } from "./cuts";
import { layersOf, nameOf, type Row } from "./rows";

/** Of a cut, at most so many tensors are named. */
const mostTensors = 40;

const works = { F: "forward", I: "gradient of the input", W: "gradient of the weights" } as const;

export function rowDetails(row: Row, cut: LayerCut | undefined, crossing: readonly Tensor[], openConfiguration: () => void, showInTimeline: () => void): readonly HTMLElement[] {
  const layers = layersOf(row);
  const totals = totalsOf(layers);
  const { inputGrad, weightGrad, untilInputGrad, untilWeightGrad } = partsOf(layers);
  const work = workOf(layers).flatMap((letter) => (letter === "–" ? [] : [`${letter} ${works[letter]}`]));
  const facts: readonly (readonly [string, string])[] = [
    row.kind === "component" ? ["Class", row.component.class] : ["Kind", layers[0].kind],
    ...(row.kind === "layer" ? [["Component", row.component.name] as const] : [["Layers", formatCount(layers.length)] as const]),
    ...(row.kind === "component" ? [["Role", row.component.role] as const, ...(row.component.after.length > 0 ? [["Needs", row.component.after.join(", ")] as const] : [])] : []),
    ["Parameters", formatCount(totals.parameters)],
    ["Trainable", formatCount(totals.trainable)],
    ["Work", work.join(", ")],
    ["Forward", formatFlops(totals.flops)],
    ...(totals.backwardFlops > 0 ? [["Backward", `${formatFlops(totals.backwardFlops)}: I ${formatFlops(inputGrad)}, W ${formatFlops(weightGrad)}`] as const] : []),
    ...(totals.saved > 0 ? [["Saved", `${formatBytes(totals.saved)}: until I ${formatBytes(untilInputGrad)}, until W ${formatBytes(untilWeightGrad)}`] as const] : []),
    ...(row.kind === "layer" && row.layer.modules.join() !== row.layer.name ? [["Modules", row.layer.modules.join("\n")] as const] : []),
  ];
  return [
    element("h2", { class: "details-title" }, nameOf(row)),
    element("dl", { class: "facts" }, ...facts.flatMap(([label, value]) => [element("dt", {}, label), element("dd", {}, value)])),
    element("div", { class: "jump-buttons" },
      button({ label: "Open Configuration", title: "Open the configuration at what decides on this (Enter)", onClick: openConfiguration }),
      button({ label: "Show in Timeline", title: "Find what it computes in the timeline of a plan", onClick: showInTimeline }),
    ),
    ...(row.kind === "component" || !cut ? [] : cutDetails(row.component.name, cut, crossing)),
  ];
}

function partsOf(layers: ReturnType<typeof layersOf>) {
  const sum = (of: (layer: (typeof layers)[number]) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  return {
    inputGrad: sum((layer) => layer.inputGradFlopsPerSample), weightGrad: sum((layer) => layer.weightGradFlopsPerSample),
    untilInputGrad: sum((layer) => layer.savedBytesPerSample.untilInputGrad), untilWeightGrad: sum((layer) => layer.savedBytesPerSample.untilWeightGrad),
  };
}

function cutDetails(component: string, cut: LayerCut, crossing: readonly Tensor[]): readonly HTMLElement[] {
  return [
    element("h3", { class: "details-subtitle" }, cut.isEnd ? "What leaves it" : "The cut after it"),
    element("p", { class: "hint" }, cutSentence(cut)),
    element("ul", { class: "tensors" }, ...crossing.slice(0, mostTensors).map((tensor) => element("li", {}, element("span", { class: "tensor-name", title: tensor.id }, nameIn(component, tensor)), element("span", { class: "tensor-bytes" }, sizeOf(tensor))))),
    ...(crossing.length > mostTensors ? [element("p", { class: "hint" }, `and ${crossing.length - mostTensors} more`)] : []),
    ...(crossing.some(({ hasGradient }) => hasGradient) ? [element("p", { class: "hint" }, "⇄ a gradient of the same size comes back")] : []),
  ];
}

/** A tensor of the component at hand goes without its name. */
export function nameIn(component: string, { id, producer }: Tensor): string {
  return producer.component === component && id.startsWith(`${component}/`) ? id.slice(component.length + 1) : id;
}

/** E.g. "2 MiB ⇄", or "64 MiB fixed" for what is as large for any number of samples. */
export function sizeOf(tensor: Tensor): string {
  return [formatBytes(bytesOf(tensor)), ...(tensor.bytesPerSample === 0 ? ["fixed"] : []), ...(tensor.hasGradient ? ["⇄"] : [])].join(" ");
}

/** E.g. "11.8 MiB forward and 11.8 MiB backward for each sample; cheapest nearby." */
export function cutSentence({ forward, backward, isCheap }: LayerCut): string {
  return `${formatBytes(forward)} forward and ${formatBytes(backward)} backward for each sample${isCheap ? "; cheapest nearby" : ""}.`;
}
