/** One row of the tree-table, drawn. */
import { formatBytes, formatCount, formatDecimal } from "../../src/timeline/layout/format";
import { element } from "../dom";
import { marked } from "../table/search";
import { rowElement, twistie, type RowPlace } from "../table/treeTable";
import { checkbox } from "../ui";
import type { LayerCut } from "./cuts";
import { formatFlops, totalsOf, workOf } from "./figures";
import { layersOf, nameOf, type ComponentRow, type Row } from "./rows";

/** What a row shows besides its own figures. */
export interface RowContext {
  /** Words of the search, marked where they stand. */
  readonly words: readonly string[];
  /** The cut after the row's last layer. */
  readonly cut: LayerCut | undefined;
  /** Why the last change of the component's role was refused. */
  readonly refusal: string | undefined;
  /** The role is being changed. */
  readonly busy: boolean;
}

export interface RowActions {
  toggle(row: Row): void;
  setTrained(row: ComponentRow, trained: boolean): void;
  dismissRefusal(row: ComponentRow): void;
}

const columns = ["Name", "Kind", "Parameters", "FLOPs", "Saved", "Work", "Cut"] as const;

export function headCells(): readonly HTMLElement[] {
  return columns.map((name, index) => element("div", { class: `cell ${index > 1 && index < 5 ? "cell-number" : ""} column-${index}`, role: "columnheader" }, ...headParts(name, index)));
}

/** The last column has its legend in its head. */
function headParts(name: string, index: number): readonly (HTMLElement | string)[] {
  if (index !== columns.length - 1) return [name];
  const key = (direction: string) => element("span", { class: "legend-item" }, element("span", { class: `legend-swatch bar-${direction}`, "aria-hidden": true }), direction);
  return [element("span", { class: "legend-title", title: "Bytes per sample that the next stage waits for and that come back, were a stage to end here; bars are drawn against the most of the chain, or of the frozen component" }, name), key("forward"), key("backward"), element("span", { class: "legend-item", title: "The cheapest cut near each eighth of the chain's FLOPs, where stages of equal work would end" }, "✂ cheap")];
}

export function drawRow(row: Row, place: RowPlace, context: RowContext, actions: RowActions): HTMLElement {
  const layers = layersOf(row);
  const totals = totalsOf(layers);
  const kind = row.kind === "component" ? `${row.component.class}, ${layers.length} layers` : row.kind === "repeat" ? `${layers[0].kind} × ${layers.length}` : row.layer.kind;
  const cells = [
    element("div", { class: "cell cell-name", role: "rowheader" }, ...nameParts(row, context, actions)),
    textCell("cell-kind", marked(kind, context.words), kind),
    textCell("cell-number", [formatCount(totals.parameters)], trainableHint(totals)),
    textCell("cell-number", [formatDecimal(totals.flops)], `forward ${formatFlops(totals.flops)}, backward ${formatFlops(totals.backwardFlops)}`),
    textCell("cell-number cell-saved", [totals.saved === 0 ? "–" : formatBytes(totals.saved)]),
    element("div", { class: "cell cell-work", role: "gridcell", title: "F forward, I gradient of the input, W gradient of the weights" }, ...workOf(layers).map((letter) => element("span", { class: letter === "–" ? "work-none" : `work-${letter}` }, letter))),
    row.kind === "component" ? element("div", { class: "cell cell-cut", role: "gridcell" }) : cutCell(context.cut),
  ];
  return rowElement(`row-${row.kind}`, place, row, { "aria-posinset": row.position, "aria-setsize": row.siblings }, ...cells);
}

function trainableHint({ parameters, trainable }: { readonly parameters: number; readonly trainable: number }): string {
  return trainable === parameters ? "all of them train" : trainable === 0 ? "none of them trains" : `${formatCount(trainable)} of them train`;
}

function nameParts(row: Row, context: RowContext, actions: RowActions): readonly (HTMLElement | string)[] {
  const opener = twistie(row.kind === "layer" ? undefined : row.expanded, () => actions.toggle(row));
  const name = element("span", { class: "name", title: nameOf(row) }, ...marked(nameOf(row), context.words));
  if (row.kind !== "component") return [opener, name];
  const trained = row.component.role === "trained";
  const toggle = checkbox("trains", trained, (wanted) => actions.setTrained(row, wanted));
  toggle.classList.add("role-toggle");
  toggle.title = trained ? `${row.component.name} trains; freeze it` : `${row.component.name} is frozen; train it`;
  toggle.classList.toggle("busy", context.busy); // not disabled, which would take the focus from it
  return [opener, name, toggle, ...(context.refusal === undefined ? [] : [refusalBubble(row, context.refusal, actions)])];
}

/** Right below the toggle, over the rows that follow. */
function refusalBubble(row: ComponentRow, text: string, actions: RowActions): HTMLElement {
  const close = element("button", { class: "bubble-close", type: "button", "aria-label": "Dismiss" }, "✕");
  close.addEventListener("click", () => actions.dismissRefusal(row));
  return element("div", { class: "bubble", role: "alert" }, element("span", {}, text), close);
}

function textCell(className: string, content: readonly (HTMLElement | string)[], title?: string): HTMLElement {
  return element("div", { class: `cell ${className}`, role: "gridcell", title }, ...content);
}

/** Stands astride the border to the next row, because that is where the cut is. */
function cutCell(cut: LayerCut | undefined): HTMLElement {
  const cell = element("div", { class: "cell cell-cut", role: "gridcell" });
  if (!cut) return cell;
  const bar = (direction: "forward" | "backward") => {
    const node = element("div", { class: `bar bar-${direction}` });
    node.style.width = `${cut.most > 0 ? (100 * cut[direction]) / cut.most : 0}%`;
    return node;
  };
  cell.classList.toggle("cheap", cut.isCheap);
  cell.classList.toggle("end", cut.isEnd);
  cell.append(
    element("span", { class: "cut-mark", "aria-hidden": !cut.isCheap }, cut.isCheap ? "✂" : ""),
    element("span", { class: "cut-bytes" }, cut.forward + cut.backward === 0 ? "–" : formatBytes(cut.forward + cut.backward)),
    element("div", { class: "bars" }, bar("forward"), bar("backward")),
  );
  if (cut.isCheap) cell.setAttribute("aria-label", `${formatBytes(cut.forward + cut.backward)}, cheapest nearby`);
  return cell;
}
