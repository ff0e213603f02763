/** `profile`: times a model's layers, measured on this machine or on a target or estimated for a device, and writes NAME.profile.json. */
import { resolve } from "node:path";
import { writeDocument } from "../../formats/document";
import { profileFormat } from "../../formats/profile";
import { UserError } from "../../model/errors";
import { catalogue } from "../../hardware/catalogue";
import type { Profile } from "../../model/profile";
import { nodeFiles } from "../../platform/nodeFiles";
import { deviceNamed, deviceTable } from "../devices";
import { estimateProfile } from "../estimateProfile";
import { bindingsOf } from "../inspect";
import { measuredPrecision, profileModel, ProfilingStopped, providerNamed, relativeTo, type Progress } from "../profile";
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
  usage: `MODEL -o PROFILE [--on TARGET | --for DEVICE|list] [--precision fp32|fp16|bf16|tf32] ${modelUsage} ${traceUsage} [--batches 1,2,4] [--threads N] [--busy-cores N] [--provider cuda|directml|coreml|webgpu|cpu] [--json]`,
  summary: "Times every distinct layer's passes, forward and gradients, on this machine; with --on, PyTorch measures them on the target; with --for, they are estimated for a device that is not here.",
  async run(argv, signal) {
    const { values, positionals } = parse(
      argv,
      {
        ...modelOptions, ...traceOptions, output: { type: "string", short: "o" }, on: { type: "string" }, for: { type: "string" }, precision: { type: "string" },
        batches: { type: "string" }, threads: { type: "string" }, "busy-cores": { type: "string" }, provider: { type: "string" }, json: { type: "boolean" },
      },
      { names: ["MODEL"], optional: 1 },
    );
    if (values.for === "list") {
      if (values.json) printJson(catalogue);
      else process.stdout.write(deviceTable());
      return;
    }
    const [name] = positionals;
    if (name === undefined) throw new UserError("Expected MODEL, found nothing.");
    if (values.output === undefined && !values.json) throw new UserError("Say where the profile goes: -o NAME.profile.json, or --json for standard output.");
    for (const option of ["provider", "threads", "precision"] as const) {
      if (values.on !== undefined && values[option] !== undefined) throw new UserError(`--${option} does not go with --on: the target file says how its ranks compute.`);
    }
    for (const option of ["on", "provider", "threads", "busy-cores"] as const) {
      if (values.for !== undefined && values[option] !== undefined) throw new UserError(`--${option} does not go with --for: nothing is measured.`);
    }
    const device = values.for === undefined ? undefined : (await deviceNamed(nodeFiles, values.for)).device;
    const options = {
      batches: commaList(values.batches)?.map((batch) => wholeNumber(batch, "batches")!),
      threads: wholeNumber(values.threads, "threads"),
      busyCores: wholeNumber(values["busy-cores"], "busy-cores", 0),
      provider: providerNamed(values.provider),
      precision: device ? undefined : measuredPrecision(values.precision),
    };
    const model = await modelNamed(name, values, signal, values.on === undefined && !device);
    const bound = model.bind(bindingsOf(model, sizesOf(values)));
    const hooks = { signal, onProgress: progressPrinter(), onNotice: (text: string) => process.stderr.write(`${text}\n`) };
    const file = resolve(values.output ?? "model.profile.json");
    const write = (document: Profile) => writeDocument(profileFormat, nodeFiles, file, { ...document, model: relativeTo(file, document.model) });
    const measured = (): Promise<Profile> =>
      profileModel(localProfileServices(__dirname), bound, options, hooks).catch(async (error: unknown): Promise<never> => {
        if (error instanceof ProfilingStopped && values.output !== undefined) {
          await write(error.profile);
          process.stderr.write(`Stopped: wrote what was measured until then to ${values.output}; the same command goes on from there.\n`);
        }
        throw error;
      });
    const profile = device
      ? estimateProfile(bound, device, { precision: values.precision, batches: options.batches }, hooks)
      : values.on === undefined
        ? await measured()
        : await profileOn(launchServices(), bound, resolve(values.on), options, hooks);
    if (values.output !== undefined) await write(profile);
    if (values.json) printJson({ ...profile, model: relativeTo(file, profile.model) });
  },
};
