/** A cluster file for this machine, by a few questions. */
import { availableParallelism, freemem, totalmem } from "node:os";
import * as vscode from "vscode";
import { z } from "zod";
import { clusterFormat } from "../formats/cluster";
import { writeDocument } from "../formats/document";
import type { Cluster } from "../model/cluster";
import { askNumber, choose } from "./pick";
import type { Shell } from "./shell";

export const clusterAnswers = z.strictObject({
  kind: z.enum(["cpu", "gpu"]),
  devices: z.int().positive(),
  /** Of one device, in GB (1e9 bytes). */
  memoryGB: z.number().positive(),
  /** Between two devices, in GB/s. */
  linkGBps: z.number().positive(),
});
type ClusterAnswers = z.infer<typeof clusterAnswers>;

/** What is not asked: an order of magnitude, to be corrected in the file. `gloo` over loopback; NVLink or PCIe. */
const unasked = {
  cpu: { name: "CPU core", memoryBandwidthGBps: 10, latencyUs: 300, overlaps: false },
  gpu: { name: "GPU of this machine", memoryBandwidthGBps: 900, latencyUs: 10, overlaps: true },
};

export async function askCluster(title: string): Promise<ClusterAnswers> {
  const kind = await choose(title, vscode.l10n.t("What computes on this machine?"), [
    { label: vscode.l10n.t("CPU cores"), description: vscode.l10n.t("one rank a core"), value: "cpu" as const },
    { label: vscode.l10n.t("GPUs"), description: vscode.l10n.t("one rank a GPU"), value: "gpu" as const },
  ]);
  const devices = await askNumber(title, vscode.l10n.t("How many devices?"), kind === "cpu" ? Math.max(1, Math.min(8, availableParallelism())) : 2);
  const share = Math.max(1, Math.floor(Math.min(totalmem(), freemem() * 2) / devices / 1e9));
  const memoryGB = await askNumber(title, vscode.l10n.t("Memory of one device, in GB"), kind === "cpu" ? share : 24, { least: 0.1, whole: false });
  const linkGBps = await askNumber(title, vscode.l10n.t("Bandwidth between two devices, in GB/s"), kind === "cpu" ? 1.5 : 25, { least: 0.001, whole: false });
  return { kind, devices, memoryGB, linkGBps };
}

/** @returns `path`. */
export async function writeCluster(shell: Shell, path: string, { kind, devices, memoryGB, linkGBps }: ClusterAnswers): Promise<string> {
  const { name, memoryBandwidthGBps, latencyUs, overlaps } = unasked[kind];
  const link = { latencyUs, bandwidthGBps: linkGBps };
  const cluster: Cluster = {
    format: "diffusionpipe.cluster/1",
    nodeGroups: [{ count: 1, devicesPerNode: devices, device: { name, memoryBytes: Math.round(memoryGB * 1e9), peakTflops: {}, bandwidthGBps: memoryBandwidthGBps }, intraNode: link }],
    interNode: link,
    overlapsCommunication: overlaps,
  };
  await writeDocument(clusterFormat, shell.files, path, cluster);
  return path;
}
