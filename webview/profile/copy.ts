/** Rows as a table for the clipboard: what is seen, with all digits. */
import { csvText, type Column } from "../../src/model/csv";
import { originWord } from "./origin";
import type { Row, Unit } from "./rows";

/** Components are sums of their layers, and say so by an empty layer name. */
export function rowsAsText(rows: readonly Row[], batch: number, unit: Unit): string {
  const per = unit === "sample" ? "ms_per_sample" : "ms";
  const columns: readonly Column<Row>[] = [
    ["component", ({ component }) => component.name],
    ["layer", (row) => (row.kind === "layer" ? row.layer.name : "")],
    ["batch", () => batch],
    [`forward_${per}`, ({ figures }) => figures.forward],
    [`input_grad_${per}`, ({ figures }) => figures.inputGrad],
    [`weight_grad_${per}`, ({ figures }) => figures.weightGrad],
    [`total_${per}`, ({ figures }) => figures.total],
    [`spread_${per}`, ({ figures }) => figures.spread],
    ["forward_flops_per_second", ({ figures }) => figures.rate],
    ["parameter_bytes", ({ figures }) => figures.parameters],
    ["saved_bytes_per_sample", ({ figures }) => figures.saved],
    ["times", (row) => (row.kind === "layer" ? originWord(row.at) : undefined)],
  ];
  return csvText(columns, rows, "\t");
}
