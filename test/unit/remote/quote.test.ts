import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { quote, setArguments } from "../../../src/remote/targets/quote";
import { scriptText } from "../../../src/remote/targets/shell";

describe("quoting for bash", () => {
  const hostile = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom("'", '"', "\\", "$", "`", "\n", " ", "!", "*", "~", "-", ";", "ß", "火") })).map((text) => text.replaceAll("\0", "")), { minLength: 1, maxLength: 30 });

  it("hands every word through a real bash byte for byte, as arguments of a script on standard input", () => {
    fc.assert(fc.property(hostile, (words) => {
      const input = scriptText(`printf '%s\\0' "$@"`, ["/folder", ...words], "mark");
      const output = execFileSync("bash", ["-s"], { input, encoding: "utf8" });
      assert.deepEqual(output.slice("mark\n".length).split("\0").slice(0, -1), ["/folder", ...words]);
    }), { numRuns: 40 });
  });

  it("leaves what follows the script in its input for the script", () => {
    const data = "line one\ndiffusionpipe; rm -rf nothing\n";
    assert.equal(execFileSync("bash", ["-s"], { input: scriptText("cat", ["/folder"], "mark") + data, encoding: "utf8" }), `mark\n${data}`);
  });

  it("refuses what no argument can hold", () => {
    assert.throws(() => quote("a\0b"), /NUL/);
    assert.equal(setArguments(["it's"]), `set -- 'it'\\''s'`);
  });
});
