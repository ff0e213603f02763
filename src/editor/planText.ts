/** Places and changes in the text of a JSON document: what is not changed keeps its bytes. */
import { findNodeAtLocation, parseTree, type JSONPath, type Node, type ParseError } from "jsonc-parser/lib/esm/main.js";
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
 * The fewest replacements that turn the document in `text` into `wanted`: each is a single value where the structure is
 * the same. Keys that `wanted` does not have are kept. `text` must be JSON.
 */
export function replacements(text: string, wanted: unknown): readonly Replacement[] {
  const tree = parseTree(text);
  return tree ? replacementsIn(tree, wanted) : [{ offset: 0, length: text.length, text: formatDocument(wanted) }];
}

function replacementsIn(node: Node, wanted: unknown): readonly Replacement[] {
  if (node.type === "object" && isRecord(wanted)) {
    const members = new Map((node.children ?? []).map((property) => [String(property.children?.[0].value), property.children?.[1]]));
    const entries = Object.entries(wanted).filter(([, value]) => value !== undefined);
    if (entries.every(([key]) => members.get(key))) return entries.flatMap(([key, value]) => replacementsIn(members.get(key) as Node, value));
  } else if (node.type === "array" && Array.isArray(wanted) && wanted.length === node.children?.length) {
    return node.children.flatMap((child, index) => replacementsIn(child, wanted[index]));
  } else if (node.value === wanted) return [];
  return [{ offset: node.offset, length: node.length, text: formatDocument(wanted).trimEnd() }];
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
