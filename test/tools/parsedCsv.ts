/** Comma-separated values, read by the letter of RFC 4180. */
import assert from "node:assert/strict";

/** Fields apart by the separator, quoted ones with doubled quotes, lines ended by CR LF. */
export function parsedCsv(text: string, separator = ","): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length; ) {
    let field = "";
    if (text[at] === '"') {
      for (at++; text[at] !== '"' || text[at + 1] === '"'; at++) {
        assert.ok(at < text.length, "a quoted field ends");
        field += text[at];
        if (text[at] === '"') at++;
      }
      at++;
    } else {
      while (text[at] !== separator && text[at] !== "\r") {
        assert.ok(at < text.length && text[at] !== '"' && text[at] !== "\n", "a bare field holds nothing to quote");
        field += text[at++];
      }
    }
    row.push(field);
    if (text[at] === separator) {
      at++;
      continue;
    }
    assert.equal(text.slice(at, at + 2), "\r\n");
    at += 2;
    rows.push(row);
    row = [];
  }
  assert.deepEqual(row, []);
  return rows;
}
