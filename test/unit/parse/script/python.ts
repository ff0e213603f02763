/** The parser that the tests share, and scripts as text. */
import { readFileSync } from "node:fs";
import { loadPythonParser } from "../../../../src/parse/script/treeSitter";
import type { PythonParser } from "../../../../src/parse/script/syntax";

let loaded: Promise<PythonParser> | undefined;

export function pythonParser(): Promise<PythonParser> {
  loaded ??= loadPythonParser(readFileSync("node_modules/web-tree-sitter/web-tree-sitter.wasm"), readFileSync("node_modules/tree-sitter-python/tree-sitter-python.wasm"));
  return loaded;
}

export function fixtureScript(name: string): string {
  return readFileSync(`test/fixtures/scripts/${name}`, "utf8");
}
