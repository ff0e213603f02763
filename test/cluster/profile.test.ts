import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspectModel } from "../../src/app/inspect";
import type { LaunchServices } from "../../src/app/launch";
import { profileOn } from "../../src/app/profileOn";
import { formatDocument, parseDocument } from "../../src/formats/document";
import { profileFormat } from "../../src/formats/profile";
import { Cancelled } from "../../src/model/errors";
import { nodeFiles } from "../../src/platform/nodeFiles";
import { nodeProcesses } from "../../src/platform/nodeProcess";
import type { Progress } from "../../src/profile/measureLayers";
import { startSshLab, type SshLab } from "../tools/sshd/lab";
import { processesMentioning } from "../tools/sshd/processes";
import { python } from "./standIn";

const runsIn = (folder: string) => readdirSync(folder).filter((name) => !name.startsWith("."));
const modelFolder = join(process.cwd(), "test/fixtures/models/small");

describe("profiling on a target", () => {
  let scratch: string;
  let lab: SshLab;
  let services: LaunchServices;

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "diffusionpipe-profile-on-"));
    lab = await startSshLab(mkdtempSync(join(scratch, "lab")));
    services = { files: nodeFiles, processes: nodeProcesses, runsFolder: join(scratch, "records"), trainerFolder: join(process.cwd(), "src/trainer") };
  });

  after(async () => {
    await lab.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  function target(name: string, more: object): string {
    const file = join(scratch, `${name}.target.json`);
    writeFileSync(file, JSON.stringify({ format: "diffusionpipe.target/1", cluster: join(process.cwd(), "media/sample/local.cluster.json"), interpreter: python(), threadsPerRank: 1, ...more }));
    return file;
  }

  const overSsh = (more: object = {}) => target("far", { kind: "ssh", name: "the far one", folder: "~/profiles of größe", ssh: { host: lab.host, configFile: lab.configFile }, ...more });
  const small = async () => {
    const model = await inspectModel(nodeFiles, modelFolder);
    return model.bind(model.defaultBindings);
  };

  it("brings back every layer's F, I and W over ssh, for a model without weights", async () => {
    const bound = await small();
    const seen: Progress[] = [];
    const profile = await profileOn(services, bound, overSsh(), { batches: [2, 1], pollMs: 100 }, { onProgress: (progress) => seen.push(progress) });
    assert.deepEqual(parseDocument(profileFormat, formatDocument(profile), "p"), JSON.parse(JSON.stringify(profile)));
    assert.match(profile.runtimeVersion ?? "", /^torch \d/);
    assert.deepEqual([profile.device.provider, profile.device.name, profile.device.threads], ["pytorch-cpu", "cpu of the far one", 1]);
    assert.equal(profile.model.sha256, bound.model.sha256);
    for (const [c, component] of bound.components.entries()) {
      for (const [l, layer] of component.layers.entries()) {
        const found = profile.components[c].layers[l];
        assert.equal(found.name, layer.name);
        assert.deepEqual(found.times.map(({ batch, source, gradSource }) => [batch, source, gradSource]), [[1, "measured", undefined], [2, "measured", undefined]]);
        for (const time of found.times) {
          assert.ok(time.forwardMs > 0);
          assert.equal(time.inputGradMs > 0, layer.needsInputGrad, layer.name);
          if (!layer.needsWeightGrad) assert.equal(time.weightGradMs, 0);
        }
      }
    }
    assert.deepEqual([seen[0].done, seen.at(-1)?.what], [0, "done"]);
    assert.ok(seen.every(({ done }, index) => done === index));
    const [run] = runsIn(join(lab.home, "profiles of größe"));
    assert.deepEqual(readdirSync(join(lab.home, "profiles of größe", run, "model/unet")), ["config.json"]);
  });

  it("keeps the other ranks' cores busy on this machine, and leaves no process behind when it is cancelled", async () => {
    const here = target("here", { kind: "local", folder: "runs of it", pinCores: true });
    const cancel = new AbortController();
    const mark = join(scratch, "runs of it");
    let processes = 0;
    const done = profileOn(services, await small(), here, { batches: [64], pollMs: 50 }, {
      signal: cancel.signal,
      onProgress: () => {
        processes = Math.max(processes, processesMentioning(`DIFFUSIONPIPE_RUN=${runsIn(mark)[0]}`).length);
        cancel.abort();
      },
    });
    await assert.rejects(done, Cancelled);
    const [run] = runsIn(mark);
    assert.ok(processes >= 3, "beside the script and the profiler, another core was kept busy");
    assert.deepEqual(processesMentioning(`DIFFUSIONPIPE_RUN=${run}`), []);
    assert.ok(!existsSync(join(mark, run, "model.profile.json")));
    assert.match(readFileSync(join(mark, run, "run.sh"), "utf8"), /--busy-cores 1 /);
  });

  it("says where the log is and how it ends when it fails there", async () => {
    const failing = target("failing", { kind: "local", folder: "failing runs", prelude: ["rm -f skeleton.json"] });
    await assert.rejects(profileOn(services, await small(), failing, { batches: [1], pollMs: 100 }), /ended as failed with exit code 1[^]*failing runs[^]*skeleton\.json: Cannot be read/);
  });
});
