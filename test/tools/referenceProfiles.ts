/**
 * The reference profiles and clusters, as text: `npm run reference-profiles` writes them, a test compares them. Analytic estimates
 * of models in `media/models` on devices of the catalogue, in bfloat16.
 */
import { join } from "node:path";
import { inspectModel, bindingsOf } from "../../src/app/inspect";
import { estimateProfile } from "../../src/app/estimateProfile";
import { relativeTo } from "../../src/app/profile";
import { catalogue, type CatalogueName } from "../../src/hardware/catalogue";
import type { Cluster, DeviceEntry, Link } from "../../src/model/cluster";
import type { Profile } from "../../src/model/profile";
import { nodeFiles } from "../../src/platform/nodeFiles";

const devices = ["a100-80gb", "h100", "rtx-4090"] as const satisfies readonly CatalogueName[];

/** A folder of `media/models`, and the size in pixels it is profiled at. */
export const references = [
  { name: "stable-diffusion-2-1-512", model: "stable-diffusion-2-1", pixels: 512 },
  { name: "stable-diffusion-1-5-controlnet-512", model: "stable-diffusion-1-5-controlnet", pixels: 512 },
  { name: "stable-diffusion-xl-1024", model: "stable-diffusion-xl", pixels: 1024 },
  { name: "ddpm-cifar10-32", model: "ddpm-cifar10-32", pixels: 32 },
  { name: "cascade-64-256", model: "cascade-64-256", pixels: 256 },
] as const;

/** Between nodes, and how many devices a node has. The latencies are assumed. */
const networks: Readonly<Record<(typeof devices)[number], { readonly devicesPerNode: number; readonly interNode: Link & { readonly sharedByNode: true }; readonly sources: readonly string[] }>> = {
  "a100-80gb": { devicesPerNode: 8, interNode: { latencyUs: 10, bandwidthGBps: 50, sharedByNode: true }, sources: ["Assumed: 400 Gbit/s per node and direction, latencies."] },
  "h100": { devicesPerNode: 8, interNode: { latencyUs: 10, bandwidthGBps: 50, sharedByNode: true }, sources: ["Assumed: 400 Gbit/s per node and direction, latencies."] },
  "rtx-4090": { devicesPerNode: 8, interNode: { latencyUs: 50, bandwidthGBps: 1.25, sharedByNode: true }, sources: ["Assumed: 10 Gbit/s Ethernet per node and direction, latencies."] },
};

/** Kept for the driver's context and the allocator. */
const reservedBytes = 2 * 1024 ** 3;

const nodeCounts = [1, 8, 128] as const;

function clusterDocument(entry: DeviceEntry, { devicesPerNode, interNode, sources }: (typeof networks)[keyof typeof networks], count: number): Cluster & { readonly sources: readonly string[] } {
  return {
    format: "diffusionpipe.cluster/1",
    nodeGroups: [{ count, devicesPerNode, device: entry.device, intraNode: entry.intraNode }],
    interNode,
    reservedBytes,
    sources: [...entry.sources, ...sources],
  };
}

/** Without what every file would repeat: README.md says that nothing is measured, and signatures are for measuring. */
function short(profile: Profile): Profile {
  const { note: _note, ...device } = profile.device;
  return { ...profile, device, components: profile.components.map((component) => ({ ...component, layers: component.layers.map(({ signature: _signature, ...layer }) => layer) })) };
}

/** JSON with a layer or tensor on each line. */
function text(document: object, depth: number): string {
  const write = (value: unknown, level: number, indent: string): string => {
    if (level === 0 || typeof value !== "object" || value === null) return JSON.stringify(value);
    const inner = `${indent}  `;
    const parts = Array.isArray(value)
      ? value.map((part) => `${inner}${write(part, level - 1, inner)}`)
      : Object.entries(value).filter(([, part]) => part !== undefined).map(([name, part]) => `${inner}${JSON.stringify(name)}: ${write(part, level - 1, inner)}`);
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    return parts.length === 0 ? `${open}${close}` : `${open}\n${parts.join(",\n")}\n${indent}${close}`;
  };
  return `${write(document, depth, "")}\n`;
}

/** @param root The project's folder. @returns Path below the project's folder -> contents. */
export async function referenceFiles(root: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const device of devices) {
    for (const nodes of nodeCounts) {
      const network = networks[device];
      files.set(`media/clusters/${device}-x${nodes * network.devicesPerNode}.cluster.json`, text(clusterDocument(catalogue[device], network, nodes), 3));
    }
  }
  for (const { name, model, pixels } of references) {
    const inspected = await inspectModel(nodeFiles, join(root, "media/models", model));
    const bound = inspected.bind(bindingsOf(inspected, { height: pixels, width: pixels }));
    for (const device of devices) {
      const file = `media/profiles/${name}.${device}.profile.json`;
      const profile = estimateProfile(bound, catalogue[device].device, { precision: "bf16" });
      files.set(file, text({ ...short(profile), model: relativeTo(join(root, file), bound.model) }, 4));
    }
  }
  return files;
}
