/** The dry run: from a request to the document that `start` sends. Pure; the target is not asked. */
import { createHash } from "node:crypto";
import { dirname, isAbsolute, resolve } from "node:path";
import { UserError } from "../../model/errors";
import type { Target } from "../../model/target";
import { exportLines } from "./quote";
import { runScript } from "./runScript";
import { linkTree, missingBlobs, preflightScript, presentTrees, receiveBlobs, startRun } from "./scripts";
import { sshArguments } from "./ssh";
import type { LaunchDocument, LaunchRequest, RunPlace } from "./target";

/** A target file is shared and versioned, so it is no place for these. */
const secretName = /(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)$/i;

/** @throws UserError for what this target cannot do, naming the target file and the field. */
export function launchDocument(request: LaunchRequest): LaunchDocument {
  const { target, targetPath, work } = request;
  const place = runPlace(target, targetPath, request.runId);
  const environment = { ...threadEnvironment(target), HF_HUB_OFFLINE: "1", ...target.environment };
  for (const name of Object.keys(environment)) {
    if (secretName.test(name)) {
      throw new UserError("A target file holds no secrets.", { file: targetPath, field: `environment.${name}`, hint: "Set it in the start-up files of the target, or read it there in the prelude." });
    }
  }
  const interpreter = interpreterOf(request);
  const pinCores = target.pinCores ?? false;
  const script = runScript({ interpreter, environment, initWeights: request.initWeights, command: work.command });
  return {
    format: "diffusionpipe.launch/1",
    place,
    ...(target.name === undefined ? {} : { targetName: target.name }),
    connection: place.ssh ? sshArguments(place.ssh) : ["bash", "-s"],
    interpreter,
    notices: request.notices ?? [],
    worldSize: work.processes,
    pinCores,
    requirements: request.requirements,
    prelude: target.prelude ?? [],
    environment,
    scripts: { preflight: preflightScript(exportLines(environment)), presentTrees, missingBlobs, receiveBlobs, linkTree, start: startRun },
    trees: request.trees,
    ...(request.initWeights === undefined ? {} : { initWeights: request.initWeights }),
    files: [
      textFile("prelude.sh", (target.prelude ?? []).map((line) => `${line}\n`).join("")),
      textFile(work.input.path, `${JSON.stringify(work.input.document)}\n`),
      textFile("run.sh", script),
    ],
  };
}

function textFile(path: string, text: string) {
  return { path, bytes: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex"), text };
}

function threadEnvironment(target: Target): Readonly<Record<string, string>> {
  if (target.threadsPerRank === undefined) return {};
  const threads = String(target.threadsPerRank);
  return { OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads };
}

/** Where the target keeps its runs. @throws UserError for kinds that cannot be launched on, and for folders that Python cannot import from. */
export function runPlace(target: Target, targetPath: string, runId: string): RunPlace {
  const beside = (path: string) => resolve(dirname(targetPath), path);
  const fromHome = target.folder === "~" || target.folder.startsWith("~/");
  if (target.folder.includes(":")) throw new UserError("A folder with a colon in its path cannot hold Python modules.", { file: targetPath, field: "folder" });
  if (target.kind === "local") return { runId, kind: "local", folder: fromHome ? target.folder : beside(target.folder) };
  if (target.kind !== "ssh" || !target.ssh) {
    throw new UserError(`Runs on a "${target.kind}" target cannot be launched yet.`, { file: targetPath, field: "kind", hint: "Use local or ssh." });
  }
  if (!fromHome && !target.folder.startsWith("/")) {
    throw new UserError("The folder on the target is absolute or begins with ~/.", { file: targetPath, field: "folder" });
  }
  const { host, configFile } = target.ssh;
  return { runId, kind: "ssh", folder: target.folder, ssh: { host, ...(configFile === undefined ? {} : { configFile: beside(configFile) }) } };
}

function interpreterOf({ target, targetPath, localPython }: LaunchRequest): string {
  const { interpreter } = target;
  if (target.kind === "local" && interpreter === "python3" && localPython) return localPython;
  if (!interpreter.includes("/") || isAbsolute(interpreter) || interpreter.startsWith("~/")) return interpreter;
  if (target.kind === "local") return resolve(dirname(targetPath), interpreter);
  throw new UserError("The interpreter on the target is a name on its PATH, absolute, or begins with ~/.", { file: targetPath, field: "interpreter" });
}
