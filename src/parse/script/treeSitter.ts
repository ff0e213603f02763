/** The parser for Python, on tree-sitter's WebAssembly build. Its bytes are handed in: the core reads no files of its own. */
import { Language, Parser, type Node, type Tree, type TreeCursor } from "web-tree-sitter";
import { UserError } from "../../model/errors";
import type { PythonNode, PythonParser } from "./syntax";

/** Python itself refuses far less. */
const maxDepth = 200;
/** The runtime asks now and then whether to go on: of a script about once in 150 characters, where it must guess far more often. */
const mostProgressCalls = 3500;

/** @param runtime `web-tree-sitter.wasm`. @param grammar `tree-sitter-python.wasm`. */
export async function loadPythonParser(runtime: Uint8Array, grammar: Uint8Array): Promise<PythonParser> {
  await Parser.init({ wasmBinary: runtime });
  const language = await Language.load(grammar);
  return {
    parse(text, file) {
      const parser = new Parser();
      let tree: Tree | null = null;
      try {
        parser.setLanguage(language);
        let calls = 0;
        tree = parser.parse((index) => text.slice(index, index + 8192), null, { progressCallback: () => ++calls > mostProgressCalls });
        if (!tree) throw new UserError("The file is too long or too muddled to be parsed as Python.", { file });
        if (tree.rootNode.hasError) throw syntaxError(tree.rootNode, file);
        return plainTree(tree.walk(), text, file);
      } finally {
        tree?.delete();
        parser.delete();
      }
    },
  };
}

function syntaxError(root: Node, file: string): UserError {
  let node = root;
  for (;;) {
    const next = node.children.find((child) => child.isError || child.isMissing || child.hasError);
    if (!next || node.isError) break;
    node = next;
  }
  const line = node.startPosition.row + 1;
  const found = node.isMissing ? `"${node.type}" is missing here` : `this cannot be read: ${JSON.stringify(node.text.trim().split("\n")[0].slice(0, 60))}`;
  return new UserError(`A mistake in the Python text; ${found}.`, { file, field: `line ${line}` });
}

interface Building {
  readonly type: string;
  readonly text: string;
  readonly line: number;
  readonly children: PythonNode[];
  readonly fields: Record<string, PythonNode>;
  readonly words: string[];
}

/** Walks without recursion, so that depth is refused and not suffered. */
function plainTree(cursor: TreeCursor, text: string, file: string): PythonNode {
  const open: Building[] = [];
  const build = (): Building => ({ type: cursor.nodeType, text: text.slice(cursor.startIndex, cursor.endIndex), line: cursor.startPosition.row + 1, children: [], fields: {}, words: [] });
  open.push(build());
  for (;;) {
    if (cursor.gotoFirstChild()) {
      if (open.length >= maxDepth) throw new UserError(`The text is nested more than ${maxDepth} deep.`, { file, field: `line ${cursor.startPosition.row + 1}` });
      open.push(build());
      continue;
    }
    for (;;) {
      const done = open.pop() as Building;
      const parent = open.at(-1);
      if (!parent) {
        cursor.delete();
        return done;
      }
      if (!cursor.nodeIsNamed) parent.words.push(done.type);
      else if (done.type !== "comment" && done.type !== "line_continuation") {
        parent.children.push(done);
        const field = cursor.currentFieldName;
        if (field && !(field in parent.fields)) parent.fields[field] = done;
      }
      if (cursor.gotoNextSibling()) {
        open.push(build());
        break;
      }
      cursor.gotoParent();
    }
  }
}
