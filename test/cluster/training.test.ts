import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspectModel } from "../../src/app/inspect";
import { dryRun, launch, type LaunchServices } from "../../src/app/launch";
import { makePlan } from "../../src/app/plan";
import { cancelRun, fetchRun, follow, listRuns, resumeRun } from "../../src/app/runs";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { nodeProcesses } from "../../src/platform/nodeProcess";
import { distinctLayers } from "../../src/profile/measureLayers";
import { profileDocument } from "../../src/profile/record";
import { startSshLab, type SshLab } from "../tools/sshd/lab";
import { processesMentioning } from "../tools/sshd/processes";
import { python } from "./standIn";

const sample = join(process.cwd(), "media/sample");

/** A plan of the sample; the times behind it are proportional to FLOPs, since only that it runs is at stake. */
async function planSample(folder: string, steps: number): Promise<string> {
  const model = await inspectModel(nodeFiles, join(sample, "model"));
  const bound = model.bind(model.defaultBindings);
  const outcomes = new Map(distinctLayers(bound.components).map(({ key, layer }) =>
    [key, new Map([1, 8].map((batch) => [batch, { forward: { status: "ok" as const, medianMs: (1 + layer.flopsPerSample * batch) / 1e7, spreadMs: 0, rounds: 1, repeats: 2 } }]))]));
  const profile = profileDocument(bound, outcomes, { runtimeVersion: "none", device: { name: "none", provider: "cpu", precision: "float32", memoryBytes: 1e10 } });
  writeFileSync(join(folder, "p.profile.json"), JSON.stringify({ ...profile, model: { ...profile.model, path: join(sample, "model") } }));
  execFileSync(python(), [join(sample, "draw.py"), "--out", join(folder, "images"), "--count", "16"]);
  const file = join(folder, "sample.pipeplan.json");
  const inputs = { profile: join(folder, "p.profile.json"), cluster: join(sample, "local.cluster.json"), plan: file };
  const { plan } = await makePlan(nodeFiles, inputs, { batch: 4, stages: 2, microbatches: 2, schedule: "1f1b", data: join(folder, "images"), steps, checkpointEvery: 2 });
  writeFileSync(file, JSON.stringify(plan));
  return file;
}

describe("training over ssh", () => {
  let scratch: string;
  let lab: SshLab;
  let services: LaunchServices;

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "diffusionpipe-train-"));
    lab = await startSshLab(mkdtempSync(join(scratch, "lab")));
    services = { files: nodeFiles, processes: nodeProcesses, runsFolder: join(scratch, "records"), trainerFolder: join(process.cwd(), "src/trainer") };
    writeFileSync(join(scratch, "a.target.json"), JSON.stringify({
      format: "diffusionpipe.target/1", kind: "ssh", cluster: "c.json", interpreter: python(), folder: "~/my runs", threadsPerRank: 1, pinCores: true, ssh: { host: lab.host, configFile: lab.configFile },
    }));
  });

  after(async () => {
    for (const { record, status } of await listRuns(services)) if (status?.state === "running") await cancelRun(services, record.id);
    await lab.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it("is cancelled cleanly, goes on from its checkpoint, and its pipeline and timelines are fetched", async () => {
    const steps = 5;
    const plan = await planSample(scratch, steps);
    const prepare = async () => dryRun(services, plan, join(scratch, "a.target.json"), { initWeights: 0 });
    assert.match((await prepare()).document.notices.join(), /made for this target is not known: .*c\.json/);
    const cluster = readFileSync(join(sample, "local.cluster.json"), "utf8");
    writeFileSync(join(scratch, "c.json"), `${cluster} `);
    assert.match((await prepare()).document.notices.join(), /made for another cluster than this target's .*c\.json/);
    writeFileSync(join(scratch, "c.json"), cluster);
    const prepared = await prepare();
    assert.deepEqual(prepared.document.notices, []);
    const record = await launch(services, prepared);
    const folder = record.started?.folder ?? "";
    await assert.rejects(follow(services, record.id, { from: "start", pollMs: 100, onProgress: ({ step }) => { if ((step ?? 0) >= 2 && existsSync(join(folder, "checkpoints/step-00000002/.metadata"))) throw new Error("far enough"); } }), /far enough/);
    assert.equal((await cancelRun(services, record.id)).state, "cancelled");
    assert.deepEqual(processesMentioning(record.id), []);
    assert.ok(!existsSync(join(folder, "output")));
    assert.deepEqual([...readdirSync(folder), ...readdirSync(join(folder, "checkpoints"))].filter((name) => name.endsWith(".tmp")), []);

    await resumeRun(services, record.id);
    const status = await follow(services, record.id, { from: "shown", pollMs: 200 });
    assert.equal(status.state, "completed", readFileSync(join(folder, "log"), "utf8"));
    const results = join(scratch, "results");
    await fetchRun(services, record.id, results);
    const losses = readFileSync(join(results, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as { step: number; loss: number });
    assert.deepEqual([...new Set(losses.map(({ step }) => step))], Array.from({ length: steps }, (_, step) => step));
    for (const source of ["predicted", "measured"]) assert.equal((JSON.parse(readFileSync(join(results, `${source}.timeline.json`), "utf8")) as { source: string }).source, source);
    for (const file of ["model_index.json", "unet/diffusion_pytorch_model.safetensors", "tokenizer/vocab.json"]) assert.ok(existsSync(join(results, "output", file)), file);
  });
});
