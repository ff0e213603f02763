/** One row of the profile table, drawn. */
import { formatBytes, formatDecimal, formatMs, formatMsCell, formatPercent } from "../../src/timeline/layout/format";
import { scaleLinear } from "d3";
import { element } from "../dom";
import { marked } from "../table/search";
import { rowElement, twistie, type RowPlace } from "../table/treeTable";
import type { Figures } from "./columns";
import { isComputed, originSentence, originWord } from "./origin";
import { passes } from "./passes";
import type { ComponentRow, LayerRow, Row, Sum } from "./rows";

/** What a row shows besides its own figures. */
export interface RowContext {
  /** Words of the search, marked where they stand. */
  readonly words: readonly string[];
  /** What a whole bar stands for, in ms. */
  readonly longest: number;
  /** Of all layers found, in ms: what shares are of. */
  readonly total: number;
  /** Whether layers stand under their components. */
  readonly grouped: boolean;
  /** Whether the model has no more layer that does this work. */
  readonly isGone: (row: LayerRow) => boolean;
}

export function drawRow(row: Row, place: RowPlace, context: RowContext, toggle: (row: Row) => void): HTMLElement {
  const { figures } = row;
  const opener = twistie(row.kind === "component" ? row.expanded : undefined, () => toggle(row));
  const under = row.kind === "layer" && !context.grouped ? [element("span", { class: "owner" }, ...marked(row.component.name, context.words), " / ")] : [];
  return rowElement(`row-${row.kind}`, place, row, { "aria-posinset": row.position, "aria-setsize": row.siblings },
    textCell("order", row.kind === "component" ? "" : String(figures.order + 1)),
    element("div", { class: "cell cell-name c-name", role: "rowheader" }, opener, element("span", { class: "name", title: row.kind === "layer" ? `${row.component.name} / ${figures.name}` : figures.name }, ...under, ...nameParts(figures.name, context.words))),
    row.kind === "component" ? shareCell(row, context.total) : barCell(row, context.longest),
    ...figureCells(row),
    row.kind === "component" ? element("div", { class: "cell c-from", role: "gridcell", title: sumSentence(row) }, `${row.layers.length} layer${row.layers.length === 1 ? "" : "s"}`) : fromCell(row, context.isGone(row)),
  );
}

/** What tells long names apart is at their end: where there is no room the start gives way. */
function nameParts(name: string, words: readonly string[]): readonly HTMLElement[] {
  const tail = /(\.[^.]+){3}$/.exec(name)?.index ?? name.length;
  return [element("span", { class: "name-start" }, ...marked(name.slice(0, tail), words)), element("span", { class: "name-end" }, ...marked(name.slice(tail), words))];
}

/** Below all rows: the sum of what is shown. @param note Left out where there is no room. */
export function footCells(sum: Sum, unit: string, note: string): readonly HTMLElement[] {
  return [
    textCell("order", ""),
    element("div", { class: "cell cell-name c-name", role: "rowheader" }, element("span", { class: "name" }, `All ${sum.layers.length} layers`)),
    element("div", { class: "cell c-bar c-share", role: "gridcell", title: sumSentence(sum) }, ...noted(unit, note)),
    ...figureCells(sum),
    element("div", { class: "cell c-from", role: "gridcell", title: sumSentence(sum) }, sum.failed > 0 ? `without ${sum.failed}` : ""),
  ];
}

function figureCells(row: Row | Sum): readonly HTMLElement[] {
  const { figures } = row;
  const marks = marksOf(row);
  return [
    ...(["total", "forward", "inputGrad", "weightGrad"] as const).map((column) => textCell(column, figures[column] === undefined ? "–" : `${marks[column]}${formatMsCell(figures[column])}`, timeTitle(figures, column))),
    textCell("spread", figures.spread === undefined ? "" : formatMsCell(figures.spread), figures.spread === undefined || !figures.forward ? undefined : `${formatPercent(figures.spread / figures.forward)} of the forward time`),
    textCell("rate", figures.rate === undefined ? "–" : formatDecimal(figures.rate)),
    textCell("parameters", figures.parameters === 0 ? "–" : formatBytes(figures.parameters)),
    textCell("saved", figures.saved === 0 ? "–" : formatBytes(figures.saved)),
    textCell("shared", figures.shared === undefined || figures.shared === 1 ? "" : `×${figures.shared}`, figures.shared === undefined || figures.shared === 1 ? undefined : `${figures.shared} layers do the same work and share the measurement`),
  ];
}

type TimeColumn = "total" | "forward" | "inputGrad" | "weightGrad";

/** Before a time: that it is computed, or that something is missing from a sum. */
function marksOf(row: Row | Sum): Readonly<Record<TimeColumn, string>> {
  const isLayer = "at" in row;
  const computed = isLayer ? { forward: isComputed(row.at.origin), gradients: isComputed(row.at.gradOrigin) } : row.computed;
  const mark = (isAny: boolean) => (!isLayer && row.failed > 0 ? "≥ " : isAny ? "~" : "");
  return { total: mark(computed.forward || computed.gradients), forward: mark(computed.forward), inputGrad: mark(computed.gradients), weightGrad: mark(computed.gradients) };
}

function timeTitle(figures: Figures, column: TimeColumn): string | undefined {
  const ms = figures[column];
  return ms === undefined ? undefined : formatMs(ms);
}

function sumSentence({ failed, computed: { forward, gradients } }: Sum): string {
  const failures = failed > 0 ? [`${failed} failed at this batch size and ${failed === 1 ? "is" : "are"} not in the sum.`] : [];
  return [...failures, forward ? "Some of the times are computed, not measured." : gradients ? "F is measured, some of the gradients are computed." : "All times are measured."].join(" ");
}

function textCell(column: keyof Figures, text: string, title?: string): HTMLElement {
  return element("div", { class: `cell cell-number c-${column}`, role: "gridcell", title }, text);
}

function shareCell({ figures }: ComponentRow, total: number): HTMLElement {
  return element("div", { class: "cell c-bar c-share", role: "gridcell" }, ...(figures.total !== undefined && total > 0 ? noted(formatPercent(figures.total / total), " of the time") : []));
}

function noted(text: string, note: string): readonly (HTMLElement | string)[] {
  return [text, element("span", { class: "share-note" }, note)];
}

/** F, I and W end to end; how they are told apart without colour is the style sheet's. */
function barCell({ figures }: LayerRow, longest: number): HTMLElement {
  const cell = element("div", { class: "cell c-bar", role: "gridcell" });
  if (figures.total === undefined || longest <= 0) return cell;
  const width = scaleLinear([0, longest], [0, 100]);
  const parts = passes.flatMap(({ letter, key }) => {
    const ms = figures[key];
    if (ms === undefined || ms === 0) return [];
    const node = element("span", { class: `pass pass-${letter}` }, element("span", { class: "pass-letter" }, letter));
    node.style.width = `${width(ms)}%`;
    return [{ node, text: `${letter} ${formatMs(ms)}` }];
  });
  cell.title = parts.map(({ text }) => text).join(", ");
  cell.append(element("div", { class: "stack", "aria-hidden": true }, ...parts.map(({ node }) => node)));
  return cell;
}

function fromCell({ at }: LayerRow, isGone: boolean): HTMLElement {
  const [word, kind] = isGone ? ["changed", "chip chip-changed"] : [originWord(at), at.failure ? "chip chip-failed" : ""];
  const title = [...(isGone ? ["The model has no layer any more that does this work."] : []), originSentence(at)].join(" ");
  return element("div", { class: "cell c-from", role: "gridcell", title }, element("span", { class: kind }, word));
}
