/** `import TRACE... -o TIMELINE`. */
import { resolve } from "node:path";
import { writeDocument } from "../../formats/document";
import { timelineFormat } from "../../formats/timeline";
import { UserError } from "../../model/errors";
import { nodeFiles } from "../../platform/nodeFiles";
import { importedText, openTraces } from "../importTraces";
import { commaList, parse, printJson, wholeNumber, type Command } from "./command";

const options = { output: { type: "string", short: "o" }, batch: { type: "string" }, components: { type: "string" }, json: { type: "boolean" } } as const;

export const importCommand: Command = {
  usage: "TRACE… -o TIMELINE [--batch N] [--components A,B] [--json]",
  summary: "Makes a measured timeline of traces of PyTorch's profiler, one for each rank (.json or .json.gz), and says what it could not place.",
  async run(argv) {
    const { values, positionals } = parse(argv, options, { names: ["TRACE"], more: true });
    if (values.output === undefined && !values.json) throw new UserError("Say where the timeline goes: -o NAME.timeline.json, or --json for standard output.");
    const imported = await openTraces(nodeFiles, positionals, { globalBatch: wholeNumber(values.batch, "batch"), components: commaList(values.components) });
    const { timeline, notes, notPlaced } = imported;
    for (const note of notes) process.stderr.write(`${note}\n`);
    for (const { name, count, ms } of notPlaced) process.stderr.write(`Not placed: ${name}, ${count} times, ${ms.toFixed(3)} ms\n`);
    if (values.output !== undefined) await writeDocument(timelineFormat, nodeFiles, resolve(values.output), timeline);
    if (values.json) return printJson(timeline);
    process.stdout.write(`${importedText(imported)}; period ${timeline.periodMs.toFixed(2)} ms, bubbles ${(100 * timeline.bubbleRatio).toFixed(2)} % (measured)\nWrote ${values.output}\n`);
  },
};
