/** `profile`: measures a model's layers, on this machine or on a target, and writes NAME.profile.json. */
import { resolve } from "node:path";
import { writeDocument } from "../../formats/document";
import { profileFormat } from "../../formats/profile";
import { UserError } from "../../model/errors";
import { nodeFiles } from "../../platform/nodeFiles";
import { bindingsOf } from "../inspect";
import { measuredPrecision, profileModel, providerNamed, relativeTo, type Progress } from "../profile";
import { profileOn } from "../profileOn";
import { localProfileServices } from "../profileServices";
import { commaList, parse, printJson, printProgress, wholeNumber, type Command } from "./command";
import { modelOptions, modelUsage, sizesOf } from "./modelOptions";
import { launchServices } from "./launchServices";
import { modelNamed, traceOptions, traceUsage } from "./traced";

/** Where progress is not a terminal's one line, one line in this many ms is enough. */
const progressEveryMs = 2_000;

function progressLine({ done, total, what, remainingMs }: Progress): string {
  const left = remainingMs === undefined || done === total ? "" : `, about ${Math.ceil(remainingMs / 1000)} s left`;
  return `${done}/${total} ${what}${left}`;
}

function progressPrinter(): (progress: Progress) => void {
  let last = -Infinity;
  return (progress) => {
    const now = performance.now();
    if (!process.stderr.isTTY && progress.done < progress.total && now - last < progressEveryMs) return;
    last = now;
    printProgress(progressLine(progress));
    if (process.stderr.isTTY && progress.done === progress.total) process.stderr.write("\n");
  };
}

export const profileCommand: Command = {
  usage: `MODEL -o PROFILE [--on TARGET] ${modelUsage} ${traceUsage} [--batches 1,2,4] [--threads N] [--busy-cores N] [--provider cuda|directml|coreml|webgpu|cpu] [--precision fp32|fp16] [--json]`,
  summary: "Times every distinct layer's forward pass on this machine and estimates gradients from it; with --on, PyTorch measures both on the target.",
  async run(argv, signal) {
    const { values, positionals } = parse(
      argv,
      {
        ...modelOptions, ...traceOptions, output: { type: "string", short: "o" }, on: { type: "string" },
        batches: { type: "string" }, threads: { type: "string" }, "busy-cores": { type: "string" }, provider: { type: "string" }, precision: { type: "string" }, json: { type: "boolean" },
      },
      { names: ["MODEL"] },
    );
    if (values.output === undefined && !values.json) throw new UserError("Say where the profile goes: -o NAME.profile.json, or --json for standard output.");
    for (const option of ["provider", "threads", "precision"] as const) {
      if (values.on !== undefined && values[option] !== undefined) throw new UserError(`--${option} does not go with --on: the target file says how its ranks compute.`);
    }
    const options = {
      batches: commaList(values.batches)?.map((batch) => wholeNumber(batch, "batches")!),
      threads: wholeNumber(values.threads, "threads"),
      busyCores: wholeNumber(values["busy-cores"], "busy-cores", 0),
      provider: providerNamed(values.provider),
      precision: measuredPrecision(values.precision),
    };
    const model = await modelNamed(positionals[0], values, signal, values.on === undefined);
    const bound = model.bind(bindingsOf(model, sizesOf(values)));
    const hooks = { signal, onProgress: progressPrinter(), onNotice: (text: string) => process.stderr.write(`${text}\n`) };
    const profile = values.on === undefined
      ? await profileModel(localProfileServices(__dirname), bound, options, hooks)
      : await profileOn(launchServices(), bound, resolve(values.on), options, hooks);
    const file = resolve(values.output ?? "model.profile.json");
    const document = { ...profile, model: relativeTo(file, profile.model) };
    if (values.output !== undefined) await writeDocument(profileFormat, nodeFiles, file, document);
    if (values.json) printJson(document);
  },
};
