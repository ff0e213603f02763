/** Which target: a file of the workspace, or one made by a few questions. */
import { join, relative, sep } from "node:path";
import * as vscode from "vscode";
import { writeDocument } from "../formats/document";
import { targetFormat } from "../formats/target";
import { UserError } from "../model/errors";
import type { Target } from "../model/target";
import { ask, choose, shownPath, workspaceFiles, type Choice } from "./pick";
import type { Shell } from "./shell";

/** @param folder Where a target file that is made here goes. @returns Path of the target file. */
export async function askTarget(shell: Shell, title: string, folder: string): Promise<string> {
  const choices: Choice<string | { readonly make: "local" | "ssh" }>[] = [
    ...(await workspaceFiles("**/*.target.json")).map((path) => ({ label: shownPath(path), value: path })),
    { label: vscode.l10n.t("This machine…"), description: vscode.l10n.t("writes a target file"), value: { make: "local" } },
    { label: vscode.l10n.t("A host over SSH…"), description: vscode.l10n.t("writes a target file"), value: { make: "ssh" } },
  ];
  const chosen = await choose(title, vscode.l10n.t("Where to train?"), choices);
  if (typeof chosen === "string") return chosen;
  const clusters = await workspaceFiles("**/*.cluster.json");
  if (clusters.length === 0) throw new UserError("There is no cluster file in this workspace.", { hint: 'Make one with "DiffusionPipe: New Plan".' });
  const cluster = await choose(title, vscode.l10n.t("Which cluster file describes it?"), clusters.map((path) => ({ label: shownPath(path), value: path })));
  const host = chosen.make === "ssh" ? await ask(title, vscode.l10n.t("Host alias of your ssh configuration, or user@host"), "", (text) => (/^[^-\s]\S*$/.test(text.trim()) ? undefined : vscode.l10n.t("A host"))) : undefined;
  const interpreter = await ask(title, vscode.l10n.t("Python there, with the trainer's requirements installed"), "python3");
  const runs = await ask(title, vscode.l10n.t("Folder there that holds the runs"), "~/diffusionpipe/runs");
  const name = host === undefined ? "this-machine" : host.replace(/[^A-Za-z0-9._-]+/g, "-");
  return makeTarget(shell, join(folder, `${name}.target.json`), {
    format: "diffusionpipe.target/1",
    kind: chosen.make,
    name: host ?? vscode.l10n.t("this machine"),
    cluster: relative(folder, cluster).split(sep).join("/"),
    interpreter,
    folder: runs,
    ...(host !== undefined && { ssh: { host } }),
  });
}

async function makeTarget(shell: Shell, path: string, target: Target): Promise<string> {
  if (await shell.files.stat(path)) throw new UserError("The target file is there already.", { file: path, hint: "Choose it, or rename it." });
  await writeDocument(targetFormat, shell.files, path, target);
  return path;
}
