/** A profile and a cluster as another program might write them: no tensors, no signatures, one batch size, odd names. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Json = Record<string, unknown>;

function layer(name: string, ms: number, trains: boolean): Json {
  return {
    name,
    needsInputGrad: trains,
    needsWeightGrad: trains,
    paramBytes: 1e6,
    savedBytesPerSample: { untilInputGrad: trains ? 1e5 : 0, untilWeightGrad: trains ? 2e5 : 0 },
    cutBytesPerSample: { forward: 5e4, backward: trains ? 5e4 : 0 },
    times: [{ batch: 4, forwardMs: ms, inputGradMs: trains ? ms : 0, weightGradMs: trains ? ms : 0, source: "measured" }],
  };
}

export function foreignProfile(): Json {
  return {
    format: "diffusionpipe.profile/1",
    model: { path: "../no such/model", sha256: "" },
    bindings: { height: 256, width: 256, sequenceLength: 10 },
    device: { name: "Ünknown device #1", provider: "hand-made", precision: "fp32", memoryBytes: 8e9 },
    chains: [{ id: "the chain / 1", segments: [{ component: "back bone", from: 0, to: 8 }] }],
    components: [
      { name: "back bone", after: ["Текст"], layers: [5, 9, 4, 4, 7, 6, 8, 5].map((ms, i) => layer(`block ${i}`, ms, true)) },
      { name: "Текст", after: [], layers: [6, 5, 7].map((ms, i) => layer(`слой ${i}`, ms, false)) },
    ],
  };
}

export function foreignCluster(memoryBytes = 8e9): Json {
  const group = (count: number, devicesPerNode: number, name: string) => ({ count, devicesPerNode, device: { name, memoryBytes, peakTflops: { fp32: 10 }, bandwidthGBps: 500 }, intraNode: { latencyUs: 10, bandwidthGBps: 50 } });
  return { format: "diffusionpipe.cluster/1", nodeGroups: [group(1, 2, "old"), group(2, 1, "new")], interNode: { latencyUs: 50, bandwidthGBps: 5 } };
}

/** A folder with profile and cluster for `use`, gone afterwards. */
export async function inFolder(profile: Json, cluster: Json, use: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "planning "));
  const at = (name: string) => join(folder, name);
  try {
    await writeFile(at("odd name.profile.json"), JSON.stringify(profile));
    await writeFile(at("c.cluster.json"), JSON.stringify(cluster));
    await use(at);
  } finally {
    await rm(folder, { recursive: true });
  }
}
