/** Words searched for, and where they stand. */
import { element } from "../dom";

export function wordsOf(query: string): readonly string[] {
  return query.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

/** Whether every word is somewhere in the text. */
export function hasAll(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

/** The text with the words in it marked. */
export function marked(text: string, words: readonly string[]): readonly (HTMLElement | string)[] {
  const lower = text.toLowerCase();
  const parts: (HTMLElement | string)[] = [];
  for (let at = 0; at < text.length; ) {
    const next = words.map((word) => ({ word, start: lower.indexOf(word, at) })).filter(({ start }) => start >= 0).sort((a, b) => a.start - b.start || b.word.length - a.word.length)[0];
    if (!next) return [...parts, text.slice(at)];
    if (next.start > at) parts.push(text.slice(at, next.start));
    parts.push(element("mark", {}, text.slice(next.start, next.start + next.word.length)));
    at = next.start + next.word.length;
  }
  return parts;
}
