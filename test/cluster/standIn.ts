/** A launch of the stand-in trainer: real ranks under the real torchrun, with nothing to compute. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, prepareDocument, type LaunchServices, type PreparedLaunch } from "../../src/app/launch";
import type { Program } from "../../src/model/program";
import type { Target } from "../../src/model/target";
import type { Timeline } from "../../src/model/timeline";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { nodeProcesses } from "../../src/platform/nodeProcess";
import type { RunRecord } from "../../src/remote/runs/record";
import { userCacheFolder } from "../../src/platform/cacheFolder";

/** The interpreter that has the trainer's packages. */
export function python(): string {
  const found = process.env.DIFFUSIONPIPE_PYTHON ?? join(userCacheFolder(), "venv", "bin", "python");
  if (!existsSync(found)) throw new Error(`There is no ${found}: node test/tools/setup.mjs python`);
  return found;
}

/** Settings of the stand-in travel with the program's training settings. */
export interface StandIn {
  readonly steps: number;
  readonly pace?: number;
  readonly failAt?: number;
  readonly checkpointEvery?: number;
  /** TERM is ignored. */
  readonly deaf?: boolean;
}

function program(standIn: StandIn): Program {
  const optimizer = { name: "adamw", stateBytesPerParam: 8, gradDtype: "fp32", ema: false } as const;
  return {
    format: "diffusionpipe.program/1",
    model: { path: "model", sha256: "" },
    worldSize: 2,
    dataParallel: 1,
    batch: { global: 2, microbatches: 2 },
    optimizer,
    training: { learningRate: 1, seed: 0, resolution: 64, precision: "fp32", predictionType: "epsilon", checkpointEvery: 0, ...standIn },
    components: [{ name: "unet", role: "trained", after: [], layers: ["one", "two"] }],
    chains: [],
    ranks: [],
  };
}

const predicted: Timeline = {
  format: "diffusionpipe.timeline/1", source: "predicted", periodMs: 1, makespanMs: 1, bubbleRatio: 0, throughputPerSecond: 1, criticalPath: [], devices: [{ name: "0", peakMemoryBytes: 0 }], operations: [],
};

export class Workspace {
  readonly services: LaunchServices;
  readonly targetPath: string;

  constructor(readonly folder: string, target: Omit<Target, "format" | "cluster" | "interpreter"> & { readonly interpreter?: string }, weights = true) {
    this.services = {
      files: nodeFiles, processes: nodeProcesses, runsFolder: join(folder, "records of runs"), trainerFolder: join(process.cwd(), "test/fixtures/standInTrainer"), localPython: python(),
    };
    this.targetPath = join(folder, "a target.target.json");
    this.write("a target.target.json", JSON.stringify({ format: "diffusionpipe.target/1", cluster: "cluster.json", interpreter: python(), threadsPerRank: 1, ...target }));
    this.write("model/unet/config.json", "{}");
    this.write("model/model_index.json", "{}");
    if (weights) this.write("model/unet/weights.safetensors", "the weights");
    this.write("images of größe/0 'a' \"b\" $HOME.png", "image 0");
    this.write(`images of größe/${"long ".repeat(40)}.png`, "image 1");
    this.write("images of größe/metadata.jsonl", "{}");
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.folder, path, ".."), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  async prepare(standIn: StandIn, initWeights?: number): Promise<PreparedLaunch> {
    const planPath = join(this.folder, "A plän.pipeplan.json");
    const document = await prepareDocument(
      this.services,
      { program: program(standIn), planPath, targetPath: this.targetPath, model: join(this.folder, "model"), data: join(this.folder, "images of größe") },
      { initWeights },
    );
    return { document, predicted, planPath, steps: standIn.steps };
  }

  async launch(standIn: StandIn, initWeights?: number): Promise<RunRecord> {
    return launch(this.services, await this.prepare(standIn, initWeights));
  }
}
