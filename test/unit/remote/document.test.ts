import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Program } from "../../../src/model/program";
import type { Target } from "../../../src/model/target";
import { launchDocument } from "../../../src/remote/targets/document";
import { judge, readFacts, readRequirements } from "../../../src/remote/targets/preflight";
import { sshArguments } from "../../../src/remote/targets/ssh";
import { explainSsh } from "../../../src/remote/targets/sshErrors";
import { ConnectionLost } from "../../../src/remote/targets/shell";
import type { LaunchRequest } from "../../../src/remote/targets/target";
import { profilingWork, trainingWork } from "../../../src/remote/targets/work";

const tree = { source: "/s", sha256: "t".repeat(64), bytes: 1000, files: [] };
const local: Target = { format: "diffusionpipe.target/1", kind: "local", cluster: "c.json", interpreter: "python3", folder: "out/runs", threadsPerRank: 2, pinCores: true };
const ssh: Target = { ...local, kind: "ssh", folder: "~/runs", ssh: { host: "me@gpu", configFile: "ssh config" } };
const request = (target: Target, more: Partial<LaunchRequest> = {}): LaunchRequest => ({
  runId: "20260131-142500-sample-3f9c1a", target, targetPath: "/w/a.target.json", work: trainingWork(target, { worldSize: 2 } as Program),
  trees: { trainer: tree, model: tree, data: tree }, requirements: [{ name: "torch", version: "2.13.0" }, { name: "pillow", version: "13.0.0" }], ...more,
});
const script = (target: Target, more?: Partial<LaunchRequest>) => launchDocument(request(target, more)).files.find(({ path }) => path === "run.sh")?.text ?? "";

describe("the dry run's document", () => {
  it("is plain JSON that holds every file that will be sent, with its hash", () => {
    const document = launchDocument(request(ssh));
    assert.deepEqual(JSON.parse(JSON.stringify(document)), document);
    assert.deepEqual(document.files.map(({ path }) => path), ["prelude.sh", "program.json", "run.sh"]);
    for (const { text, bytes, sha256 } of document.files) assert.deepEqual([bytes, sha256], [Buffer.byteLength(text), createHash("sha256").update(text).digest("hex")]);
    assert.deepEqual(document.place.ssh, { host: "me@gpu", configFile: "/w/ssh config" });
    assert.ok(document.connection.includes("StrictHostKeyChecking=yes") && document.connection.includes("BatchMode=yes"));
  });

  it("shows which interpreter, threads and cores the ranks get", () => {
    assert.match(script(local, { localPython: "/venv/bin/python" }), /^python=\/venv\/bin\/python$/m);
    assert.match(script(local), /^python=python3$/m);
    assert.match(script({ ...local, interpreter: "venv/bin/py" }), /^python=\/w\/venv\/bin\/py$/m);
    assert.match(script(ssh, { localPython: "/venv/bin/python" }), /^python=python3$/m, "only this machine's own python3 is replaced");
    assert.match(script({ ...ssh, interpreter: "~/my env/bin/python" }), /^python='~\/my env\/bin\/python'$/m);
    assert.match(script(local), /^export OMP_NUM_THREADS='2'$/m);
    assert.match(script(local), /--threads 2 --pin-cores /);
    assert.doesNotMatch(script({ ...local, pinCores: false }), /--pin-cores/);
    assert.match(script({ ...local, environment: { OMP_NUM_THREADS: "3" } }), /^export OMP_NUM_THREADS='3'$/m);
  });

  it("measures with the same machinery: no data, one process beside busy cores, at the ranks' threads", () => {
    const measuring = { work: profilingWork(local, { format: "x" }, [1, 4], 1), trees: { trainer: tree, model: tree } };
    assert.match(script(local, measuring), /^supervise "\$python" -m diffusionpipe_trainer profile --model "\$run\/model" --skeleton "\$run\/skeleton\.json" --batches '1,4' --threads 2 --busy-cores 1 -o "\$run\/model\.profile\.json"/m);
    const document = launchDocument(request(local, measuring));
    assert.equal(document.worldSize, 2);
    assert.equal(document.files.find(({ path }) => path === "skeleton.json")?.text, '{"format":"x"}\n');
  });

  it("refuses what cannot be launched, naming the target file and the field", () => {
    const refuse = (target: Target, why: RegExp) => assert.throws(() => launchDocument(request(target)), why);
    refuse({ ...local, kind: "slurm" }, /a\.target\.json: kind: Runs on a "slurm" target cannot be launched yet/);
    refuse({ ...ssh, folder: "runs" }, /folder: The folder on the target is absolute/);
    refuse({ ...ssh, folder: "/a:b" }, /folder: .*colon/);
    refuse({ ...ssh, interpreter: "venv/bin/python" }, /interpreter: /);
    refuse({ ...local, environment: { HF_TOKEN: "x" } }, /environment\.HF_TOKEN: A target file holds no secrets/);
  });
});

describe("ssh", () => {
  it("never takes a host for an option, and keeps paths in one argument", () => {
    assert.throws(() => sshArguments({ host: "-oProxyCommand=x" }), /not a host/);
    const argv = sshArguments({ host: "h", configFile: "/a b" }, "/tmp/a b/s");
    assert.deepEqual(argv.slice(-3), ["--", "h", "exec bash -s"]);
    assert.ok(argv.includes("/a b") && argv.includes('ControlPath="/tmp/a b/s"'));
  });

  it("tells what may work later from what needs the user", () => {
    assert.ok(explainSsh("h", "ssh: connect to host h port 22: Connection timed out") instanceof ConnectionLost);
    assert.ok(explainSsh("h", "client_loop: send disconnect: Broken pipe") instanceof ConnectionLost);
    for (const final of ["Host key verification failed.", "h: Permission denied (publickey).", "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @"]) assert.ok(!(explainSsh("h", final) instanceof ConnectionLost), final);
    assert.match(explainSsh("me@h", "REMOTE HOST IDENTIFICATION HAS CHANGED\nHost key verification failed.").message, /ssh-keygen -R h"/);
  });
});

describe("preflight", () => {
  const good = "system Linux\nfolder /r\nfreeKb 1000000\ncores 2\ngpus 0\npython 3.11.2\npackage torch 2.13.1+cu126\npackage pillow 99.0\n";
  const problems = (text: string) => judge(readFacts(text), launchDocument(request(ssh)), 1000);

  it("accepts another build and patch of the pinned versions", () => assert.deepEqual(problems(good), []));

  it("says for each thing that is wrong what to do", () => {
    assert.match(problems(good.replace("2.13.1+cu126", "2.12.0"))[0], /torch is 2\.12\.0, not 2\.13\.0.*python3 -m pip install torch==2\.13\.0 pillow==13\.0\.0/);
    assert.match(problems(good.replace("package pillow 99.0\n", ""))[0], /pillow is not installed/);
    assert.match(problems(good.replace("python 3.11.2\n", ""))[0], /interpreter "python3" was not found/);
    assert.match(problems(good.replace("freeKb 1000000", "freeKb 1"))[0], /1024 bytes free/);
    assert.match(problems(good.replace("cores 2", "cores 1"))[0], /2 devices are needed; there are 1 cores/);
    assert.match(problems(good.replace("gpus 0", "gpus 1"))[0], /there are 1 GPUs/);
    assert.match(problems(good.replace("Linux", "Darwin"))[0], /need Linux/);
    assert.match(problems(`missing setsid\n${good}`)[0], /missing: setsid/);
  });

  it("reads pins and nothing else from requirements", () => {
    assert.deepEqual(readRequirements("# comment\ntorch==2.13.0\nnumpy>=1\n  pillow == 13.0.0 # why\n"), [{ name: "torch", version: "2.13.0" }, { name: "pillow", version: "13.0.0" }]);
  });
});
