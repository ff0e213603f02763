/** The files around a plan: found beside it, fingerprinted, read, and put together for the planner. */
import { createHash } from "node:crypto";
import { dirname, relative, resolve, sep } from "node:path";
import { clusterFormat } from "../formats/cluster";
import { decodeUtf8, maxDocumentBytes, parseDocument, type Format } from "../formats/document";
import { planFormat } from "../formats/plan";
import { profileFormat } from "../formats/profile";
import type { Plan } from "../model/plan";
import type { FileRef, Profile } from "../model/profile";
import { contextFor } from "../plan/overrides";
import { staleInputs, type Input } from "../plan/staleness";
import type { Files } from "../platform/files";
import type { Context } from "../simulate/context";

export interface Fingerprinted<T> {
  readonly document: T;
  readonly sha256: string;
}

/** Reads a document and the fingerprint of the very bytes it was read from. @throws UserError naming file and field. */
export async function readFingerprinted<T>(format: Format<T>, files: Files, file: string): Promise<Fingerprinted<T>> {
  const bytes = await files.read(file, maxDocumentBytes);
  return { document: parseDocument(format, decodeUtf8(bytes, file), file), sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** A reference to `target` as it stands in the document `from`: relative, with forward slashes. */
export function refFrom(from: string, target: string, sha256: string): FileRef {
  return { path: relative(dirname(resolve(from)), resolve(target)).split(sep).join("/") || ".", sha256 };
}

export function resolveRef(from: string, ref: FileRef): string {
  return resolve(dirname(resolve(from)), ref.path);
}

export interface OpenedPlan {
  readonly plan: Plan;
  readonly sha256: string;
  readonly profile: Profile;
  readonly context: Context;
  /** Inputs that changed since the plan was made. */
  readonly stale: readonly Input[];
}

/** @throws UserError when the plan, its profile or its cluster cannot be read. */
export async function openPlan(files: Files, file: string): Promise<OpenedPlan> {
  const { document: plan, sha256 } = await readFingerprinted(planFormat, files, file);
  const profile = await readFingerprinted(profileFormat, files, resolveRef(file, plan.profile));
  const cluster = await readFingerprinted(clusterFormat, files, resolveRef(file, plan.cluster));
  const stale = staleInputs(plan, { profile: profile.sha256, cluster: cluster.sha256, model: profile.document.model.sha256 });
  return { plan, sha256, profile: profile.document, context: contextFor(plan, profile.document, cluster.document), stale };
}

/** The scheduler's prediction type in the model folder beside a profile; "epsilon", diffusers' default, where there is none. */
export async function predictionTypeOf(files: Files, modelFolder: string): Promise<Plan["training"]["predictionType"]> {
  const file = resolve(modelFolder, "scheduler", "scheduler_config.json");
  if (!(await files.stat(file))) return "epsilon";
  const text = decodeUtf8(await files.read(file, 1 << 20), file);
  const found = /"prediction_type"\s*:\s*"(v_prediction|sample|flow_prediction)"/.exec(text)?.[1] as "v_prediction" | "sample" | "flow_prediction" | undefined;
  return found ?? (/"_class_name"\s*:\s*"Flow/.test(text) ? "flow_prediction" : "epsilon");
}

