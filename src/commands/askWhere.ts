/** Where a model's layers are timed: here, on a target, or nowhere, as an estimate for another GPU. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { deviceNamed } from "../app/devices";
import { catalogue } from "../hardware/catalogue";
import { precisionsOf } from "../hardware/precision";
import type { DeviceEntry } from "../model/cluster";
import { choose, shownPath, workspaceFiles, type Choice } from "./pick";
import type { Shell } from "./shell";

/** At most one of `for` and `on`; neither is this machine. */
export interface Where {
  /** A device of the catalogue or a device file, and the precision. */
  readonly for?: string;
  readonly precision?: string;
  /** A target file. */
  readonly on?: string;
}

/** @throws Cancelled */
export async function askWhere(shell: Shell, title: string): Promise<Where> {
  const targets = await workspaceFiles("**/*.target.json");
  const choices: Choice<() => Promise<Where>>[] = [
    { label: vscode.l10n.t("This machine"), description: vscode.l10n.t("forward and both gradients measured"), value: () => Promise.resolve({}) },
    { label: vscode.l10n.t("Another GPU (estimate)…"), description: vscode.l10n.t("from public figures; the error is unknown"), value: () => askDevice(shell, title) },
    ...(targets.length > 0 ? [{ label: vscode.l10n.t("A target (measured there)…"), description: vscode.l10n.t("forward and backward, by PyTorch"), value: () => askMeasuringTarget(title, targets) }] : []),
  ];
  return (await choose(title, vscode.l10n.t("Times of which device?"), choices))();
}

async function askDevice(shell: Shell, title: string): Promise<Where> {
  const name = await choose(title, vscode.l10n.t("Which GPU?"), [
    ...(await workspaceFiles("**/*.device.json")).map((path) => ({ label: basename(path, ".device.json"), description: shownPath(path), value: path })),
    ...Object.entries<DeviceEntry>(catalogue).map(([key, { device }]) => ({ label: device.name, description: vscode.l10n.t("{0} GB", device.memoryBytes / 1024 ** 3), value: key })),
  ]);
  const { device } = await deviceNamed(shell.files, name);
  const precision = await choose(title, vscode.l10n.t("Which precision?"), precisionsOf(device).map((value) => ({ label: value, description: vscode.l10n.t("{0} TFLOP/s", device.peakTflops[value] ?? 0), value })));
  return { for: name, precision };
}

async function askMeasuringTarget(title: string, targets: readonly string[]): Promise<Where> {
  return { on: await choose(title, vscode.l10n.t("Which target?"), targets.map((path) => ({ label: shownPath(path), value: path }))) };
}
