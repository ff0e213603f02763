/** Places and changes in the text of a JSON document: what is not changed keeps its bytes. */
import { applyEdits, findNodeAtLocation, modify, parseTree, type JSONPath, type Node, type ParseError } from "jsonc-parser/lib/esm/main.js";
import { formatDocument } from "../formats/document";

export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface Replacement extends Span {
  readonly text: string;
}

/** Path of a field as errors name it: "a.b[3].c" is ["a", "b", 3, "c"]. */
export function pathOfField(field: string): JSONPath {
  return [...field.matchAll(/([^.[\]]+)|\[(\d+)\]/g)].map(([, name, index]) => (index === undefined ? name : Number(index)));
}

/**
 * Where a field stands in the text; where it is missing, the nearest that holds it. Without a field, the first error of
 * the syntax. The start of the text where there is nothing better.
 */
export function spanOf(text: string, field: string | undefined): Span {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors);
  if (errors.length) return { offset: errors[0].offset, length: Math.max(1, errors[0].length) };
  for (let path = pathOfField(field ?? ""); tree && path.length; path = path.slice(0, -1)) {
    const node = findNodeAtLocation(tree, path);
    if (node) return { offset: node.offset, length: node.length };
  }
  return { offset: 0, length: 1 };
}

/**
 * The fewest replacements that turn the document in `text` into `wanted`: each is a single value where both have the same keys; else
 * they are one, from the first change to the last. `text` must be JSON.
 */
export function replacements(text: string, wanted: unknown): readonly Replacement[] {
  const keyed = withKeysOf(text, wanted);
  const tree = parseTree(keyed);
  const found = tree ? replacementsIn(keyed, tree, wanted) : [{ offset: 0, length: keyed.length, text: formatDocument(wanted) }];
  return keyed === text ? found : oneReplacement(text, applied(keyed, found));
}

/** The same text with the keys that `wanted` has, in objects that both have: others go, missing ones come with their values. */
function withKeysOf(text: string, wanted: unknown): string {
  const tree = parseTree(text);
  const path = tree && otherKey(tree, wanted, []);
  if (!path) return text;
  const value = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], wanted);
  return withKeysOf(applyEdits(text, modify(text, path, value, { formattingOptions: { insertSpaces: true, tabSize: 2 } })), wanted);
}

/** Where the first key is that only one of the two has. */
function otherKey(node: Node, wanted: unknown, path: JSONPath): JSONPath | undefined {
  if (node.type === "array" && Array.isArray(wanted) && wanted.length === node.children?.length) {
    return first(node.children, (child, index) => otherKey(child, wanted[index], [...path, index]));
  }
  if (node.type !== "object" || !isRecord(wanted)) return undefined;
  const members = membersOf(node);
  const keys = definedKeys(wanted);
  const other = [...members.keys()].find((key) => !keys.includes(key)) ?? keys.find((key) => !members.has(key));
  return other === undefined ? first([...members], ([key, child]) => otherKey(child, wanted[key], [...path, key])) : [...path, other];
}

function first<T>(items: readonly T[], find: (item: T, index: number) => JSONPath | undefined): JSONPath | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found) return found;
  }
  return undefined;
}

function membersOf(node: Node): ReadonlyMap<string, Node> {
  return new Map((node.children ?? []).flatMap(({ children: [key, value] = [] }) => (value ? [[String(key.value), value] as const] : [])));
}

function definedKeys(wanted: Record<string, unknown>): readonly string[] {
  return Object.keys(wanted).filter((key) => wanted[key] !== undefined);
}

function replacementsIn(text: string, node: Node, wanted: unknown): readonly Replacement[] {
  if (node.type === "object" && isRecord(wanted)) {
    const members = membersOf(node);
    const keys = definedKeys(wanted);
    if (keys.every((key) => members.has(key))) return keys.flatMap((key) => replacementsIn(text, members.get(key) as Node, wanted[key]));
  } else if (node.type === "array" && Array.isArray(wanted) && wanted.length === node.children?.length) {
    return node.children.flatMap((child, index) => replacementsIn(text, child, wanted[index]));
  } else if (node.value === wanted) return [];
  const line = text.slice(text.lastIndexOf("\n", node.offset) + 1, node.offset);
  const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
  return [{ offset: node.offset, length: node.length, text: formatDocument(wanted).trimEnd().replaceAll("\n", `\n${indent}`) }];
}

function applied(text: string, changes: readonly Replacement[]): string {
  return applyEdits(text, changes.map(({ offset, length, text: content }) => ({ offset, length, content })));
}

function oneReplacement(text: string, result: string): readonly Replacement[] {
  let start = 0;
  while (start < text.length && text[start] === result[start]) start++;
  let end = 0;
  while (end < Math.min(text.length, result.length) - start && text[text.length - 1 - end] === result[result.length - 1 - end]) end++;
  return [{ offset: start, length: text.length - end - start, text: result.slice(start, result.length - end) }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export interface StageSpan extends Span {
  readonly chain: string;
  readonly stage: number;
  /** Whether the plan has no other chain. */
  readonly isOnly: boolean;
}

/** Where each stage of a plan stands in its text; as many as can be told while the text is broken. */
export function stageSpans(text: string): readonly StageSpan[] {
  const tree = parseTree(text);
  const chains = (tree && findNodeAtLocation(tree, ["chains"])?.children) ?? [];
  return chains.flatMap((node) => {
    const id: unknown = findNodeAtLocation(node, ["id"])?.value;
    const stages = findNodeAtLocation(node, ["stages"])?.children ?? [];
    return stages.map(({ offset, length }, stage): StageSpan => ({ offset, length, chain: String(id), stage, isOnly: chains.length === 1 }));
  });
}
