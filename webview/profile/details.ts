/** The details pane: what a row stands for, and its times over all batch sizes. */
import { figuresAt, sumOfTimes, type LayerFigures } from "../../src/model/layerFigures";
import type { ProfileLayer } from "../../src/model/profile";
import { formatBytes, formatCount, formatDecimal, formatMsCell } from "../../src/timeline/layout/format";
import { element } from "../dom";
import { curveChart, type CurvePoint } from "./curve";
import { isComputed, originSentence, originWord } from "./origin";
import { passes } from "./passes";
import { layersOf, type Row, type Unit } from "./rows";

export function rowDetails(row: Row, batches: readonly number[], unit: Unit): readonly HTMLElement[] {
  const layers = layersOf(row);
  // A layer is shown at the batch sizes that it was tried at; layers together at every one.
  const tried = row.kind === "layer" ? batches.filter((batch) => row.layer.times.some((time) => time.batch === batch)) : batches;
  const lines = tried.map((batch) => lineAt(layers, batch, unit));
  return [
    element("h2", { class: "details-title" }, row.figures.name),
    element("dl", { class: "facts" }, ...factsOf(row).flatMap(([label, value]) => [element("dt", {}, label), element("dd", {}, value)])),
    element("h3", { class: "details-subtitle" }, "Time over batch"),
    element("div", { class: "curve-frame" }, curveChart(row.figures.name, lines, unit)),
    timesTable(lines, unit),
  ];
}

function factsOf(row: Row): readonly (readonly [string, string])[] {
  const layers = layersOf(row);
  const sum = (of: (layer: ProfileLayer) => number | undefined) => layers.reduce((total, layer) => total + (of(layer) ?? 0), 0);
  const work = ["F", ...(layers.some((layer) => layer.needsInputGrad) ? ["I"] : []), ...(layers.some((layer) => layer.needsWeightGrad) ? ["W"] : [])].join(" ");
  const [flops, traffic, workspace] = [sum((layer) => layer.flopsPerSample), sum((layer) => layer.trafficBytesPerSample), sum((layer) => layer.workspaceBytes)];
  const [untilInput, untilWeight] = [sum((layer) => layer.savedBytesPerSample.untilInputGrad), sum((layer) => layer.savedBytesPerSample.untilWeightGrad)];
  return [
    row.kind === "layer" ? ["Component", row.component.name] : ["Class", row.component.class ?? "–"],
    ...(row.kind === "component" ? [["Layers", formatCount(layers.length)] as const] : [["Times", originSentence(row.at)] as const]),
    ...(row.kind === "component" && row.component.after.length > 0 ? [["Needs", row.component.after.join(", ")] as const] : []),
    ["Work", work],
    ...(flops > 0 ? [["Forward", `${formatDecimal(flops, "FLOP")} per sample`] as const] : []),
    ...(traffic > 0 ? [["Traffic", `${formatBytes(traffic)} per sample`] as const] : []),
    ["Parameters", formatBytes(row.figures.parameters)],
    ...(row.figures.saved > 0 ? [["Saved", `${formatBytes(row.figures.saved)} per sample: until I ${formatBytes(untilInput)}, until W ${formatBytes(untilWeight)}`] as const] : []),
    ...(workspace > 0 ? [["Workspace", formatBytes(workspace)] as const] : []),
    ...((row.figures.shared ?? 1) > 1 ? [["Equal", `${row.figures.shared} layers share this measurement`] as const] : []),
  ];
}

interface Line extends CurvePoint {
  readonly spread?: number;
  /** Where the times come from, and whether they are computed. */
  readonly from: string;
  readonly computed: { readonly forward: boolean; readonly backward: boolean };
}

function lineAt(layers: readonly ProfileLayer[], batch: number, unit: Unit): Line {
  const all = layers.map((layer) => figuresAt(layer, batch));
  const divisor = unit === "sample" ? batch : 1;
  const ms = all.every((at) => at.ms) ? sumOfTimes(all.map((at) => at.ms)) : undefined;
  const scaled = (value: number | undefined) => (value === undefined ? undefined : value / divisor);
  return {
    batch,
    ...(ms && { times: { forward: ms.forward / divisor, inputGrad: scaled(ms.inputGrad), weightGrad: scaled(ms.weightGrad) } }),
    ...(all.length === 1 && { spread: scaled(all[0].spreadMs) }),
    from: all.length === 1 ? originWord(all[0]) : fromOf(all),
    computed: { forward: all.some(({ origin }) => isComputed(origin)), backward: all.some(({ gradOrigin }) => isComputed(gradOrigin)) },
  };
}

function fromOf(all: readonly LayerFigures[]): string {
  const failed = all.filter(({ ms }) => !ms).length;
  return failed > 0 ? `${failed} failed` : all.every(({ origin }) => origin === "measured") ? "F measured" : "in part computed";
}

/** The same as the chart, to be read. */
function timesTable(lines: readonly Line[], unit: Unit): HTMLElement {
  const shown = passes.filter(({ key }) => lines.some(({ times }) => times?.[key] !== undefined));
  const hasSpread = lines.some(({ spread }) => spread !== undefined);
  const isMixed = lines.some(({ from }) => from !== lines[0].from);
  const number = (ms: number | undefined, computed: boolean) => (ms === undefined ? "–" : `${computed ? "~" : ""}${formatMsCell(ms)}`);
  const columns: readonly (readonly [string, (line: Line) => string])[] = [
    ...shown.map(({ letter, key }) => [letter, ({ times, computed }: Line) => number(times?.[key], key === "forward" ? computed.forward : computed.backward)] as const),
    ...(hasSpread ? [["±", ({ spread }: Line) => (spread === undefined ? "" : formatMsCell(spread))] as const] : []),
    ...(isMixed ? [["Times", ({ from }: Line) => from] as const] : []),
  ];
  return element("table", { class: "use" },
    element("caption", {}, `ms per ${unit}${isMixed || lines.length === 0 ? "" : `; ${lines[0].from}`}`),
    element("thead", {}, element("tr", {}, ...["Batch", ...columns.map(([title]) => title)].map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...lines.map((at) => element("tr", {}, element("th", { scope: "row" }, String(at.batch)), ...columns.map(([, cell]) => element("td", {}, cell(at)))))),
  );
}
