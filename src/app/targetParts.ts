/** What every run on a target is made of, whatever it does there: the target file, a name, the trainer's package. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { decodeUtf8, readDocument } from "../formats/document";
import { targetFormat } from "../formats/target";
import type { Target } from "../model/target";
import { newRunId } from "../remote/runs/id";
import { trainerFiles } from "../remote/sync/select";
import { scanTree, type Tree } from "../remote/sync/tree";
import { runPlace } from "../remote/targets/document";
import { readRequirements } from "../remote/targets/preflight";
import type { Requirement } from "../remote/targets/target";
import type { RunServices } from "./runs";

export interface LaunchServices extends RunServices {
  /** Folder with the Python package and its requirements.txt. */
  readonly trainerFolder: string;
  /** `DIFFUSIONPIPE_PYTHON`: stands in for "python3" on this machine. */
  readonly localPython?: string;
}

/**
 * The target, and a new run's id there.
 * @param name What the run is about; it becomes part of the id.
 * @throws UserError for a target that cannot be launched on: before anything large is read.
 */
export async function readTarget(services: LaunchServices, targetPath: string, name: string): Promise<{ readonly target: Target; readonly runId: string }> {
  const target = await readDocument(targetFormat, services.files, targetPath);
  const runId = newRunId(name, new Date(), randomBytes(3).toString("hex"));
  runPlace(target, targetPath, runId);
  return { target, runId };
}

/** The trainer's package as it is sent, and what it needs to be installed there. */
export async function trainerPackage(services: LaunchServices, signal?: AbortSignal): Promise<{ readonly trainer: Tree; readonly requirements: readonly Requirement[] }> {
  const requirementsFile = join(services.trainerFolder, "requirements.txt");
  return {
    trainer: await scanTree(services.trainerFolder, trainerFiles, { signal }),
    requirements: readRequirements(decodeUtf8(await services.files.read(requirementsFile, 1 << 20), requirementsFile)),
  };
}
