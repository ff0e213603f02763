/** `plan`: searches the best plan for a batch on a cluster and writes NAME.pipeplan.json. */
import { resolve } from "node:path";
import { writeDocument } from "../../formats/document";
import { planFormat } from "../../formats/plan";
import { profileFormat } from "../../formats/profile";
import { UserError } from "../../model/errors";
import type { Plan } from "../../model/plan";
import { nodeFiles } from "../../platform/nodeFiles";
import type { Row } from "../../planner/search/search";
import { bindingsOf } from "../inspect";
import { amountNamed, makePlan, scheduleNamed, StoppedEarly } from "../plan";
import { profileModel, relativeTo } from "../profile";
import { localProfileServices } from "../profileServices";
import { fillText } from "./fillText";
import { modelOptions, modelUsage, sizesOf } from "./modelOptions";
import { modelNamed, traceOptions, traceUsage } from "./traced";
import { parse, percent, printJson, printProgress, wholeNumber, type Command } from "./command";

/** Rows of the ranked table that are printed. */
const shownRows = 10;

function positiveNumber(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new UserError(`--${option} takes a number above 0, found "${text}".`);
  return value;
}

function runText({ runnable }: Plan): string {
  return runnable === true ? "The trainer can run it." : `The trainer cannot run it: ${runnable.reason}`;
}

/** Which candidates were not tried, by schedule; nothing where all were. */
function untriedText(rows: readonly Row[]): string {
  const untried = rows.filter(({ status }) => status === "not tried");
  if (untried.length === 0) return "";
  const names = [...new Set(untried.map(({ schedule }) => schedule))].map((name) => `${untried.filter(({ schedule }) => schedule === name).length} of ${name}`);
  return `not tried, since others looked better and time is limited: ${names.join(", ")}; --schedule all tries every one\n`;
}

/** @param marks Whether rows that the trainer does not run are marked. */
function rowText(row: Row, marks: boolean): string {
  const how = `${row.schedule}${row.warmup === undefined ? "" : ` warm-up ${row.warmup}`}${row.held === undefined ? "" : ` held ${row.held}`}${row.concatenation === undefined ? "" : ` ${row.concatenation}`}${row.lateWeightGrads ? " late W" : ""}${row.recompute ? " recompute" : ""}${row.devices === undefined ? "" : ` on ${row.devices}`}`;
  const what = `${how.padEnd(24)} ${String(row.stages).padStart(6)} ${String(row.microbatches).padStart(13)} ${String(row.dataParallel).padStart(13)}`;
  if (row.status === "simulated" && row.predicted) {
    const { periodMs, bubbleRatio, waste, peakMemoryBytes } = row.predicted;
    return `${what} ${periodMs.toFixed(1).padStart(11)} ${percent(bubbleRatio).padStart(8)} ${(waste === undefined ? "" : percent(waste)).padStart(7)} ${(Math.max(...peakMemoryBytes) / 1e6).toFixed(0).padStart(9)}${marks && row.runnable === false ? " *" : ""}`;
  }
  return `${what} ${row.status === "pruned" || row.status === "not tried" ? `${row.status}: at best ${row.boundMs.toFixed(1)} ms` : `misses ${Math.ceil((row.missingBytes ?? 0) / 1e6)} MB`}`;
}

/** Profiles a model beside the plan. Returns the profile's path. */
async function profileBeside(modelName: string, values: Parameters<typeof modelNamed>[1], planFile: string, signal: AbortSignal): Promise<string> {
  const file = `${planFile.replace(/(\.pipeplan)?\.json$/, "")}.profile.json`;
  const model = await modelNamed(modelName, values, signal, true);
  const profile = await profileModel(localProfileServices(__dirname), model.bind(bindingsOf(model, sizesOf(values))), {}, {
    signal,
    onNotice: (text) => process.stderr.write(`${text}\n`),
  });
  await writeDocument(profileFormat, nodeFiles, file, { ...profile, model: relativeTo(file, profile.model) });
  process.stderr.write(`Wrote ${file}\n`);
  return file;
}

export const planCommand: Command = {
  usage:
    `(MODEL ${modelUsage} ${traceUsage} | --profile PROFILE) --cluster CLUSTER --batch N -o PLAN [--schedule NAME|all] [--stages S] [--microbatches M] [--no-fill] [--fill-margin SHARE] [--smallest-bubble MS] [--data FOLDER] [--steps N] [--learning-rate X] [--seed N] [--max-grad-norm X] [--checkpoint-every N] [--json]`,
  summary: "Finds the fastest pipeline plan that fits, with frozen work of the next iteration in its bubbles.",
  async run(argv, signal) {
    const { values, positionals } = parse(
      argv,
      {
        ...modelOptions, ...traceOptions, profile: { type: "string" }, cluster: { type: "string" }, batch: { type: "string" }, output: { type: "string", short: "o" },
        schedule: { type: "string" }, stages: { type: "string" }, microbatches: { type: "string" }, "no-fill": { type: "boolean" },
        "fill-margin": { type: "string" }, "smallest-bubble": { type: "string" },
        data: { type: "string" }, steps: { type: "string" }, "learning-rate": { type: "string" }, seed: { type: "string" },
        "max-grad-norm": { type: "string" }, "checkpoint-every": { type: "string" }, json: { type: "boolean" },
      },
      { names: ["MODEL"], optional: 1 },
    );
    const [model] = positionals;
    if ((model === undefined) === (values.profile === undefined)) throw new UserError("Give a model or --profile PROFILE, one of the two.");
    if (values.cluster === undefined) throw new UserError("Say what to plan for: --cluster NAME.cluster.json.");
    const batch = wholeNumber(values.batch, "batch");
    if (batch === undefined) throw new UserError("Say how many samples an iteration has: --batch N.");
    if (values.output === undefined && (!values.json || model !== undefined)) throw new UserError("Say where the plan goes: -o NAME.pipeplan.json.");
    const output = resolve(values.output ?? "plan.pipeplan.json");
    const options = {
      batch,
      schedule: scheduleNamed(values.schedule),
      stages: wholeNumber(values.stages, "stages"),
      microbatches: wholeNumber(values.microbatches, "microbatches"),
      fill: !values["no-fill"],
      fillMargin: amountNamed(values["fill-margin"], "--fill-margin", 1),
      smallestBubbleMs: amountNamed(values["smallest-bubble"], "--smallest-bubble"),
      data: values.data,
      steps: wholeNumber(values.steps, "steps"),
      learningRate: positiveNumber(values["learning-rate"], "learning-rate"),
      seed: wholeNumber(values.seed, "seed", 0),
      maxGradNorm: positiveNumber(values["max-grad-norm"], "max-grad-norm"),
      checkpointEvery: wholeNumber(values["checkpoint-every"], "checkpoint-every", 0),
    };
    const profile = values.profile ?? (await profileBeside(model, values, output, signal));
    const isTerminal = process.stderr.isTTY;
    let early: Promise<void | undefined> | undefined;
    const { plan, faster, rows, report } = await makePlan(nodeFiles, { profile, cluster: values.cluster, plan: output }, options, {
      signal,
      onUsual: (found) => {
        if (values.output === undefined) return;
        // What is wrong with the place is said when the plan is written in the end.
        early = writeDocument(planFormat, nodeFiles, output, found).catch(() => undefined);
        process.stderr.write(`Wrote ${values.output}, the best plan of the usual schedules (${found.predicted.periodMs.toFixed(1)} ms); looking at the others.\n`);
      },
      onProgress: (done, total, best) => isTerminal && printProgress(done === total ? "" : `${done}/${total} plans${best === undefined ? "" : `, best ${best.toFixed(1)} ms`}`),
    }).catch(async (error: unknown): Promise<never> => {
      if (error instanceof StoppedEarly && values.output !== undefined) {
        await early;
        await writeDocument(planFormat, nodeFiles, output, error.best);
        process.stderr.write(`Stopped: wrote the best plan so far (${error.best.predicted.periodMs.toFixed(1)} ms) to ${values.output}.\n`);
      }
      throw error;
    });
    await early;
    if (values.output !== undefined) await writeDocument(planFormat, nodeFiles, output, plan);
    if (values.json) return printJson(plan);
    const shown = rows.slice(0, shownRows);
    const isMixed = shown.some((row) => row.runnable === true) && shown.some((row) => row.runnable === false);
    process.stdout.write(`${"schedule".padEnd(24)} stages micro-batches data parallel   period ms bubble % waste %   peak MB\n${shown.map((row) => rowText(row, isMixed)).join("\n")}\n${isMixed ? "* not run by today's trainer\n" : ""}`);
    if (rows.length > shownRows) process.stdout.write(`… and ${rows.length - shownRows} more\n`);
    process.stdout.write(untriedText(rows));
    const { fills, boundMs } = report();
    process.stdout.write(fillText(fills));
    process.stdout.write(`no filling of these passes takes less than ${boundMs.toFixed(1)} ms (computed); the plan takes ${percent(plan.predicted.periodMs / boundMs - 1)} % more\n`);
    process.stdout.write(`${runText(plan)}${faster === undefined ? "" : ` ${faster}`}\nWrote ${values.output}\n`);
  },
};
