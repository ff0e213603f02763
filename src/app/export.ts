/** Takes a timeline elsewhere: as a picture, as a trace for other viewers, as a table. */
import { readDocument } from "../formats/document";
import { timelineFormat } from "../formats/timeline";
import { UserError } from "../model/errors";
import type { Timeline } from "../model/timeline";
import type { Files } from "../platform/files";
import { timelineToChromeTrace } from "../timeline/export/chromeTrace";
import { timelineToCsv } from "../timeline/export/csv";
import { timelineToSvg } from "../timeline/export/svg";
import { leftOutOfTorchCsv, timelineToTorchCsv } from "../timeline/export/torchCsv";

interface ExportForm {
  readonly title: string;
  readonly extension: string;
  readonly make: (timeline: Timeline) => string;
  /** What the form cannot say of this timeline, in words. */
  readonly leftOut?: (timeline: Timeline) => readonly string[];
}

export const exportForms = {
  svg: { title: "SVG picture", extension: ".svg", make: timelineToSvg },
  chrome: { title: "Chrome or Perfetto trace", extension: ".trace.json", make: (timeline) => `${JSON.stringify(timelineToChromeTrace(timeline))}\n` },
  "torch-csv": { title: "CSV of PyTorch's pipelining runtime", extension: ".torch.csv", make: timelineToTorchCsv, leftOut: leftOutOfTorchCsv },
  csv: { title: "CSV table of operations", extension: ".csv", make: timelineToCsv },
} as const satisfies Record<string, ExportForm>;

export type ExportName = keyof typeof exportForms;

/** @throws UserError naming the forms there are. */
export function exportForm(name: string): ExportForm {
  if (!Object.hasOwn(exportForms, name)) throw new UserError(`A timeline cannot be exported as "${name}". Forms: ${Object.keys(exportForms).join(", ")}.`);
  return exportForms[name as ExportName];
}

/** In a sentence; undefined where the form says all. */
export function leftOutText(form: ExportForm, timeline: Timeline): string | undefined {
  const leftOut = form.leftOut?.(timeline) ?? [];
  return leftOut.length === 0 ? undefined : `Not in the file, since its grammar has no word for it: ${leftOut.join(", ")}.`;
}

/** Reads a timeline document and writes it in another form, whole or not at all. @returns what the form left out, in words. @throws UserError for a document that is not one. */
export async function exportTimeline(files: Files, request: { readonly timeline: string; readonly as: string; readonly output: string }): Promise<string | undefined> {
  const form = exportForm(request.as);
  const timeline = await readDocument(timelineFormat, files, request.timeline);
  await files.write(request.output, form.make(timeline));
  return leftOutText(form, timeline);
}
