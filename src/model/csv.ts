/** Tables as RFC 4180 comma-separated values, and with tabs for the clipboard. */

export type Cell = string | number | undefined;

/** A title, and what stands under it in the line of a row. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => Cell];

/** A line of titles, then one for each row. An undefined cell is empty. @param separator A tab is what spreadsheets take from the clipboard. */
export function csvText<Row>(columns: readonly Column<Row>[], rows: Iterable<Row>, separator: "," | "\t" = ","): string {
  const line = (cells: readonly Cell[]) => `${cells.map((cell) => cellText(cell, separator)).join(separator)}\r\n`;
  let text = line(columns.map(([title]) => title));
  for (const row of rows) text += line(columns.map(([, cell]) => cell(row)));
  return text;
}

/** Names come from files of the workspace: one that a spreadsheet would run as a formula is kept as text. */
function cellText(cell: Cell, separator: string): string {
  if (cell === undefined) return "";
  if (typeof cell === "number") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /["\r\n]/.test(text) || text.includes(separator) ? `"${text.replaceAll('"', '""')}"` : text;
}
