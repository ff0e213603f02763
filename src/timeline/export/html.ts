/** A timeline inside the page that shows it: one file, which needs neither an editor nor a network. */
import type { Timeline } from "../../model/timeline";

/** What the page holds as JSON, in an element that no browser runs. */
export interface PageDocument {
  readonly name: string;
  readonly timeline: Timeline;
}

/** Id of that element. */
export const pageDataId = "timeline-data";

/** Where the build leaves room in the page for the title and for the document, each once and in this order. */
export const pageMarks = ["{{title}}", "{{timeline}}"] as const;

/** @param page As built. Names come from files of the workspace: none of them becomes markup. @throws Error for a page without room. */
export function timelineToHtml(page: string, name: string, timeline: Timeline): string {
  const document: PageDocument = { name, timeline };
  const [title, data] = pageMarks.map((mark) => page.indexOf(mark));
  if (title < 0 || data < title) throw new Error("The page to export to was built without room for a timeline.");
  return [
    page.slice(0, title), escapeHtml(name),
    page.slice(title + pageMarks[0].length, data), scriptText(document),
    page.slice(data + pageMarks[1].length),
  ].join("");
}

/** JSON that cannot end its element or begin a comment in it; a JSON string says `<` in another way. */
function scriptText(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
