/** Takes a timeline elsewhere: as a picture, as a trace for other viewers, as a table. */
import { readDocument } from "../formats/document";
import { timelineFormat } from "../formats/timeline";
import { UserError } from "../model/errors";
import type { Timeline } from "../model/timeline";
import type { Files } from "../platform/files";
import { timelineToChromeTrace } from "../timeline/export/chromeTrace";
import { timelineToCsv } from "../timeline/export/csv";
import { timelineToSvg } from "../timeline/export/svg";

interface ExportForm {
  readonly title: string;
  readonly extension: string;
  readonly make: (timeline: Timeline) => string;
}

export const exportForms = {
  svg: { title: "SVG picture", extension: ".svg", make: timelineToSvg },
  chrome: { title: "Chrome or Perfetto trace", extension: ".trace.json", make: (timeline) => `${JSON.stringify(timelineToChromeTrace(timeline))}\n` },
  csv: { title: "CSV table of operations", extension: ".csv", make: timelineToCsv },
} as const satisfies Record<string, ExportForm>;

export type ExportName = keyof typeof exportForms;

/** @throws UserError naming the forms there are. */
export function exportForm(name: string): ExportForm {
  if (!Object.hasOwn(exportForms, name)) throw new UserError(`A timeline cannot be exported as "${name}". Forms: ${Object.keys(exportForms).join(", ")}.`);
  return exportForms[name as ExportName];
}

/** Reads a timeline document and writes it in another form, whole or not at all. @throws UserError for a document that is not one. */
export async function exportTimeline(files: Files, request: { readonly timeline: string; readonly as: string; readonly output: string }): Promise<void> {
  const form = exportForm(request.as);
  await files.write(request.output, form.make(await readDocument(timelineFormat, files, request.timeline)));
}
