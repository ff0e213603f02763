/** `launch`: starts a plan on a target, or shows what that would do. */
import { resolve } from "node:path";
import { UserError } from "../../model/errors";
import { dryRun, launch } from "../launch";
import { parse, printJson, printProgress, wholeNumber, type Command } from "./command";
import { describeLaunch } from "./describeLaunch";
import { followToEnd } from "./following";
import { launchServices } from "./launchServices";

export const launchCommand: Command = {
  usage: "PLAN --target T [--model DIR] [--data DIR] [--init-weights SEED] [--dry-run] [--follow] [--json]",
  summary: "Train a plan on a target. It runs on when this command ends; --dry-run only shows what would be sent and run.",
  async run(argv, signal) {
    const { values, positionals } = parse(
      argv,
      {
        target: { type: "string", short: "t" }, model: { type: "string" }, data: { type: "string" }, "init-weights": { type: "string" },
        "dry-run": { type: "boolean" }, follow: { type: "boolean" }, json: { type: "boolean" },
      },
      { names: ["PLAN"] },
    );
    if (values.target === undefined) throw new UserError("--target names the target file.");
    const services = launchServices();
    const path = (given: string | undefined) => (given === undefined ? undefined : resolve(given));
    const prepared = await dryRun(services, resolve(positionals[0]), resolve(values.target), {
      model: path(values.model), data: path(values.data), initWeights: wholeNumber(values["init-weights"], "init-weights", 0), signal, onStep: printProgress,
    });
    if (values["dry-run"]) {
      if (values.json) printJson(prepared.document);
      else process.stdout.write(describeLaunch(prepared));
      return;
    }
    for (const notice of prepared.document.notices) process.stderr.write(`${notice}\n`);
    const record = await launch(services, prepared, { signal, onStep: printProgress });
    process.stderr.write(`Started ${record.id} on ${record.targetName}. Follow it with: diffusionpipe logs ${record.id} --follow\n`);
    const status = values.follow ? await followToEnd(services, record.id, { from: "start", logTo: values.json ? process.stderr : process.stdout, signal }) : undefined;
    if (values.json) printJson({ ...record, ...(status && { lastState: status.state, status }) });
    else process.stdout.write(`${record.id}\n`);
  },
};
