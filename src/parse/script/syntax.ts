/** A Python file as a tree of plain data: what the grammar found, without the grammar's runtime. */

export interface PythonNode {
  /** The grammar's name, e.g. "call" or "keyword_argument". */
  readonly type: string;
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** Named children in order, without comments. */
  readonly children: readonly PythonNode[];
  /** Of `children`, those that the grammar names; the first of each name. */
  readonly fields: Readonly<Partial<Record<string, PythonNode>>>;
  /** Words between the children: operators and keywords, e.g. "not in". */
  readonly words: readonly string[];
}

export interface PythonParser {
  /** @throws UserError naming `file` and the line of the first mistake. */
  parse(text: string, file: string): PythonNode;
}

/** Visits the node and everything below it. */
export function* nodesOf(node: PythonNode): Generator<PythonNode> {
  const waiting = [node];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    yield next;
    for (let index = next.children.length - 1; index >= 0; index--) waiting.push(next.children[index]);
  }
}
