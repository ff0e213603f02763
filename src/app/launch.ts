/** Use-case: launch a plan on a target. First a document that shows everything (the dry run), then that document is sent. */
import { basename, dirname, join, resolve } from "node:path";
import { clusterFormat } from "../formats/cluster";
import { formatDocument } from "../formats/document";
import { UserError } from "../model/errors";
import type { Program } from "../model/program";
import type { Timeline } from "../model/timeline";
import type { Files } from "../platform/files";
import { runStore, type RunRecord } from "../remote/runs/record";
import { modelFiles, requireWeights } from "../remote/sync/select";
import { scanTree } from "../remote/sync/tree";
import { launchDocument } from "../remote/targets/document";
import { openTarget } from "../remote/targets/open";
import { targetLabel, type CallOptions, type LaunchDocument } from "../remote/targets/target";
import { trainingWork } from "../remote/targets/work";
import { readFingerprinted } from "./planFiles";
import { predictionFile } from "./runs";
import { simulatePlan } from "./simulate";
import { readTarget, trainerPackage, type LaunchServices } from "./targetParts";

export type { LaunchServices } from "./targetParts";

export interface LaunchOptions extends CallOptions {
  /** Absolute. By default what the plan names. */
  readonly model?: string;
  /** Absolute. By default what the plan names. */
  readonly data?: string;
  /** Make random weights on the target from this seed where the model has none. */
  readonly initWeights?: number;
}

/** Everything about a launch that has not happened. */
export interface PreparedLaunch {
  readonly document: LaunchDocument;
  /** Made from the plan alone. */
  readonly predicted: Timeline;
  /** Absolute. */
  readonly planPath: string;
  readonly steps: number;
}

export interface LaunchSources {
  readonly program: Program;
  readonly planPath: string;
  readonly targetPath: string;
  readonly model: string;
  readonly data: string;
  /** Fingerprint of the cluster file that the program was planned for, where it is known. */
  readonly clusterSha256?: string;
}

/**
 * The dry run: compiles and simulates the plan, and shows exactly what `launch` would send and run.
 * @throws UserError for a plan that the trainer cannot run, missing weights or data, or a target that cannot be launched on.
 */
export async function dryRun(services: LaunchServices, planPath: string, targetPath: string, options: LaunchOptions = {}): Promise<PreparedLaunch> {
  const { opened: { plan }, program, timeline } = await simulatePlan(services.files, planPath);
  if (plan.runnable !== true) throw new UserError(`The trainer cannot run this plan: ${plan.runnable.reason}`, { file: planPath, field: "runnable" });
  const beside = (path: string) => resolve(dirname(planPath), path);
  const data = options.data ?? (plan.training.data === undefined ? undefined : beside(plan.training.data));
  if (data === undefined) throw new UserError("The plan names no folder of images to train on.", { file: planPath, field: "training.data", hint: "Name one there, or give --data DIR." });
  const model = options.model ?? (await modelFolder(services.files, beside(plan.model.path)));
  const document = await prepareDocument(services, { program, planPath, targetPath, model, data, clusterSha256: plan.cluster.sha256 }, options);
  return { document, predicted: timeline, planPath, steps: plan.training.steps };
}

/** A plan names the model's folder, or the index in it. */
async function modelFolder(files: Files, path: string): Promise<string> {
  return (await files.stat(path))?.kind === "file" ? dirname(path) : path;
}

/** The document for a program: reads and hashes what would be sent; the target is not asked. */
export async function prepareDocument(services: LaunchServices, sources: LaunchSources, options: LaunchOptions = {}): Promise<LaunchDocument> {
  const { targetPath, program } = sources;
  const { target, runId } = await readTarget(services, targetPath, basename(sources.planPath).replace(/(\.pipeplan)?\.json$/, ""));
  options.onStep?.("Reading model, data and trainer");
  const { signal } = options;
  const { trainer, requirements } = await trainerPackage(services, signal);
  const model = await scanTree(sources.model, modelFiles, { signal });
  if (options.initWeights === undefined) requireWeights(model, program.components.map((component) => component.name));
  const data = await scanTree(sources.data, (paths) => paths, { signal });
  return launchDocument({
    runId, target, targetPath, work: trainingWork(target, program), trees: { trainer, model, data }, requirements,
    notices: sources.clusterSha256 ? await otherCluster(services.files, resolve(dirname(targetPath), target.cluster), sources.clusterSha256) : [],
    initWeights: options.initWeights, localPython: services.localPython,
  });
}

/** A sentence where the target's cluster file is not the one that was planned for: the plan may still run, but not as predicted. */
async function otherCluster(files: Files, file: string, planned: string): Promise<readonly string[]> {
  const found = await readFingerprinted(clusterFormat, files, file).catch((error: unknown) => {
    if (error instanceof UserError) return error;
    throw error;
  });
  if (found instanceof UserError) return [`Whether the plan was made for this target is not known: ${found.message}`];
  return found.sha256 === planned ? [] : [`The plan was made for another cluster than this target's (${file}): its prediction does not hold there. Plan again with --cluster ${file}.`];
}

/**
 * Sends and starts what `prepared` shows. The record with the prediction is written before the start, so that no run can be
 * without the prediction that it is judged by.
 * @throws UserError where the target refuses; nothing runs then.
 */
export async function launch(services: LaunchServices, prepared: PreparedLaunch, options: CallOptions = {}): Promise<RunRecord> {
  const { document } = prepared;
  const store = runStore(services.files, services.runsFolder);
  const id = document.place.runId;
  const target = openTarget(services.processes, document.place);
  try {
    const sync = await target.stage(document, options);
    const record: RunRecord = {
      format: "diffusionpipe.run/1",
      id,
      place: document.place,
      targetName: targetLabel(document),
      planPath: prepared.planPath,
      steps: prepared.steps,
      createdAt: new Date().toISOString(),
      sync,
      lastState: "launching",
    };
    await services.files.write(join(store.folderOf(id), predictionFile), formatDocument(prepared.predicted));
    await services.files.write(join(store.folderOf(id), "launch.json"), formatDocument(document));
    await store.save(record);
    try {
      const running: RunRecord = { ...record, started: await target.start(document, options), lastState: "running" };
      await store.save(running);
      return running;
    } catch (error) {
      // A connection that broke may have started it all the same: the record goes only where the target says that there is no such run.
      const seen = await target.observe(id, 0, 0).catch(() => undefined);
      if (seen?.status.state === "gone") await store.remove(id);
      throw error;
    }
  } finally {
    await target.close();
  }
}
