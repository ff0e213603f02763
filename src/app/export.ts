/** Takes a timeline elsewhere: as a picture, as a page, as a trace for other viewers, as a table. */
import { basename } from "node:path";
import { readDocument } from "../formats/document";
import { timelineFormat } from "../formats/timeline";
import { UserError } from "../model/errors";
import type { Timeline } from "../model/timeline";
import type { Files } from "../platform/files";
import { timelineToChromeTrace } from "../timeline/export/chromeTrace";
import { timelineToCsv } from "../timeline/export/csv";
import { timelineToHtml } from "../timeline/export/html";
import { timelineToSvg } from "../timeline/export/svg";
import { leftOutOfTorchCsv, timelineToTorchCsv } from "../timeline/export/torchCsv";
import { timelinePage } from "./timelinePage";

/** What a form may need beside the timeline. */
export interface ExportParts {
  /** What the reader is told that this is: the plan's or the timeline's name. */
  readonly name: string;
  /** The built page that shows a timeline without an editor. */
  readonly page: () => Promise<string>;
}

interface ExportForm {
  readonly title: string;
  readonly extension: string;
  readonly make: (timeline: Timeline, parts: ExportParts) => string | Promise<string>;
  /** What the form cannot say of this timeline, in words. */
  readonly leftOut?: (timeline: Timeline) => readonly string[];
}

export const exportForms = {
  svg: { title: "SVG picture", extension: ".svg", make: timelineToSvg },
  html: { title: "HTML page to zoom in, without VS Code", extension: ".html", make: async (timeline, { name, page }) => timelineToHtml(await page(), name, timeline) },
  chrome: { title: "Chrome or Perfetto trace", extension: ".trace.json", make: (timeline) => `${JSON.stringify(timelineToChromeTrace(timeline))}\n` },
  "torch-csv": { title: "CSV of PyTorch's pipelining runtime", extension: ".torch.csv", make: timelineToTorchCsv, leftOut: leftOutOfTorchCsv },
  csv: { title: "CSV table of operations", extension: ".csv", make: timelineToCsv },
} as const satisfies Record<string, ExportForm>;

export type ExportName = keyof typeof exportForms;

/** @throws UserError naming the forms there are. */
export function exportForm(name: string): ExportForm {
  if (name === "png") throw new UserError("A PNG is drawn by the timeline's view, in VS Code, of a plan.", { hint: 'Export as svg, or run "DiffusionPipe: Export Timeline" on the plan in VS Code.' });
  if (!Object.hasOwn(exportForms, name)) throw new UserError(`A timeline cannot be exported as "${name}". Forms: ${Object.keys(exportForms).join(", ")}.`);
  return exportForms[name as ExportName];
}

/** In a sentence; undefined where the form says all. */
export function leftOutText(form: ExportForm, timeline: Timeline): string | undefined {
  const leftOut = form.leftOut?.(timeline) ?? [];
  return leftOut.length === 0 ? undefined : `Not in the file, since its grammar has no word for it: ${leftOut.join(", ")}.`;
}

/** What people call the document in `path`. */
export function documentName(path: string): string {
  return basename(path).replace(/(\.timeline|\.pipeplan)?\.json$/, "");
}

/**
 * Reads a timeline document and writes it in another form, whole or not at all.
 * @param scriptsFolder Where the built page lies. @returns what the form left out, in words. @throws UserError for a document that is not one.
 */
export async function exportTimeline(files: Files, scriptsFolder: string, request: { readonly timeline: string; readonly as: string; readonly output: string }): Promise<string | undefined> {
  const form = exportForm(request.as);
  const timeline = await readDocument(timelineFormat, files, request.timeline);
  await files.write(request.output, await form.make(timeline, { name: documentName(request.timeline), page: () => timelinePage(files, scriptsFolder) }));
  return leftOutText(form, timeline);
}
