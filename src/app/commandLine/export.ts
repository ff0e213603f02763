/** `export TIMELINE --as FORM -o FILE`. */
import { UserError } from "../../model/errors";
import { nodeFiles } from "../../platform/nodeFiles";
import { exportForms, exportTimeline } from "../export";
import { parse, type Command } from "./command";

const forms = Object.keys(exportForms).join("|");

export const exportCommand: Command = {
  usage: `TIMELINE --as ${forms} -o FILE`,
  summary: "Writes a timeline as a picture, a page to zoom in, a trace for other viewers, or a table.",
  async run(argv) {
    const { values, positionals } = parse(argv, { as: { type: "string" }, output: { type: "string", short: "o" } }, { names: ["TIMELINE"] });
    if (values.as === undefined) throw new UserError(`--as is needed: one of ${forms}.`);
    if (values.output === undefined) throw new UserError("-o FILE is needed.");
    // The built page lies beside the bundle.
    const leftOut = await exportTimeline(nodeFiles, __dirname, { timeline: positionals[0], as: values.as, output: values.output });
    if (leftOut !== undefined) process.stderr.write(`${leftOut}\n`);
  },
};
