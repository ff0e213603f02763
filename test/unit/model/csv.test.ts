import assert from "node:assert/strict";
import fc from "fast-check";
import { csvText, type Cell, type Column } from "../../../src/model/csv";
import { parsedCsv } from "../../tools/parsedCsv";

describe("a table as CSV", () => {
  const hostile = fc.array(fc.constantFrom("=", "+", "-", "@", "\t", "\r", "\n", ",", '"', "'", "a", "é", "1"), { maxLength: 8 }).map((parts) => parts.join(""));
  const cell: fc.Arbitrary<Cell> = fc.oneof(hostile, fc.double({ noNaN: true }), fc.constant(undefined));
  const columns: readonly Column<readonly Cell[]>[] = [0, 1, 2].map((index) => [`title ${index}`, (row) => row[index]] as const);

  for (const separator of [",", "\t"] as const) {
    it(`reads back as it was, and starts no formula, with ${JSON.stringify(separator)} between`, () => {
      fc.assert(fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 }), (rows) => {
        const [head, ...read] = parsedCsv(csvText(columns, rows, separator), separator);
        assert.deepEqual(head, ["title 0", "title 1", "title 2"]);
        assert.equal(read.length, rows.length);
        rows.forEach((row, r) => row.forEach((value, c) => {
          const text = read[r][c];
          if (typeof value !== "string") return assert.equal(text, value === undefined ? "" : String(value));
          assert.ok(!/^[=+\-@\t\r]/.test(text), `${JSON.stringify(text)} is no formula`);
          assert.equal(text.startsWith("'") && text !== value ? text.slice(1) : text, value);
        }));
      }), { seed: 11 });
    });
  }
});
