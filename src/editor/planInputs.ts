/** Finds and reads the profile and the cluster that a plan names, through VS Code's file system so that it may be remote. */
import { createHash } from "node:crypto";
import { isAbsolute } from "node:path";
import * as vscode from "vscode";
import { clusterFormat } from "../formats/cluster";
import { decodeUtf8, parseDocument, type Format } from "../formats/document";
import { profileFormat } from "../formats/profile";
import type { Cluster } from "../model/cluster";
import { UserError } from "../model/errors";
import type { Plan } from "../model/plan";
import type { Profile } from "../model/profile";
import { contextFor } from "../plan/overrides";
import { onDisk } from "./onDisk";
import type { Context } from "../simulate/context";

export interface PlanInputs {
  readonly profile: Profile;
  readonly cluster: Cluster;
  readonly context: Context;
  readonly sha256: { readonly profile: string; readonly cluster: string; readonly model: string };
}

/** What is sent to a view must stay within reason. */
const maxInputBytes = 64 * 1024 * 1024;

/**
 * Where a plan's input lies, or the model that it trains.
 * @throws UserError where it is neither in a folder of the workspace nor beside or below the plan.
 */
export function inputUri(document: vscode.Uri, input: "profile" | "cluster" | "model", path: string): vscode.Uri {
  const plan = onDisk(document);
  const folder = vscode.Uri.joinPath(plan, "..");
  const uri = isAbsolute(path) ? plan.with({ path }) : vscode.Uri.joinPath(folder, path);
  const isInside = (parent: vscode.Uri) => uri.scheme === parent.scheme && uri.authority === parent.authority && uri.path.startsWith(parent.path.endsWith("/") ? parent.path : `${parent.path}/`);
  if (isInside(folder) || vscode.workspace.workspaceFolders?.some((other) => isInside(other.uri))) return uri;
  throw new UserError(`"${path}" is outside of the workspace and not beside the plan.`, { file: nameOf(plan), field: `${input}.path`, hint: "Move the file into the workspace, or open its folder." });
}

/** A file as people know it: relative to the workspace. */
export function nameOf(uri: vscode.Uri): string {
  return vscode.workspace.asRelativePath(onDisk(uri), false);
}

/** @throws UserError naming the file, and the field where it is at fault. */
export async function readInputs(planUri: vscode.Uri, plan: Plan): Promise<PlanInputs> {
  const profile = await read(inputUri(planUri, "profile", plan.profile.path), profileFormat, "Run “DiffusionPipe: Profile Layers” to make it, or mend the path in the plan (profile.path).");
  const cluster = await read(inputUri(planUri, "cluster", plan.cluster.path), clusterFormat, "Run “DiffusionPipe: New Plan” to describe the cluster, or mend the path in the plan (cluster.path).");
  return {
    profile: profile.document,
    cluster: cluster.document,
    context: contextFor(plan, profile.document, cluster.document),
    sha256: { profile: profile.sha256, cluster: cluster.sha256, model: profile.document.model.sha256 },
  };
}

async function read<T>(uri: vscode.Uri, format: Format<T>, hint: string): Promise<{ readonly document: T; readonly sha256: string }> {
  const file = nameOf(uri);
  let bytes: Uint8Array;
  try {
    const { size } = await vscode.workspace.fs.stat(uri);
    if (size > maxInputBytes) throw new UserError(`The file has ${size} bytes; at most ${maxInputBytes} are read.`, { file });
    bytes = await vscode.workspace.fs.readFile(uri);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const isMissing = error instanceof vscode.FileSystemError && error.code === "FileNotFound";
    throw new UserError(isMissing ? "The file does not exist." : "The file cannot be read.", { file, hint });
  }
  return { document: parseDocument(format, decodeUtf8(bytes, file), file), sha256: createHash("sha256").update(bytes).digest("hex") };
}
