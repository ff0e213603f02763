import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cancelRun, fetchRun, follow, listRuns, printLog, resumeRun, runStatus } from "../../src/app/runs";
import { UserError } from "../../src/model/errors";
import { kill, processesMentioning } from "../tools/sshd/processes";
import { Workspace } from "./standIn";

describe("launching on this machine", () => {
  let scratch: string;
  let space: Workspace;

  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "diffusionpipe-local-"));
    space = new Workspace(mkdtempSync(join(scratch, "it's a \"work\" $pace ")), {
      kind: "local", folder: "out/runs", interpreter: "python3", environment: { GREETING: "it's $HOME; \"größe\"" }, prelude: ["export FROM_PRELUDE='a b'", "broken (("],
    }, false);
  });

  after(async () => {
    for (const { record, status } of await listRuns(space.services)) if (status?.state === "running") await cancelRun(space.services, record.id);
    rmSync(scratch, { recursive: true, force: true });
  });

  it("asks for weights, makes them on demand in the run's own copy, and records a failure with its exit code; a resumed run completes", async () => {
    await assert.rejects(space.prepare({ steps: 1 }), (error) => error instanceof UserError && /no weights for unet.*--init-weights/.test(error.message));
    const record = await space.launch({ steps: 12, failAt: 7, checkpointEvery: 5 }, 3);
    const failed = await follow(space.services, record.id, { from: "shown", pollMs: 100 });
    assert.equal(failed.state, "failed");
    assert.notEqual(failed.exitCode, 0);
    assert.equal(failed.progress?.step, 8);
    await assert.rejects(fetchRun(space.services, "20260101-000000-x-000000", join(scratch, "x")), /no run/);

    await resumeRun(space.services, record.id);
    const lines: string[] = [];
    const again = await follow(space.services, record.id, { from: "shown", pollMs: 100, onLine: (line) => lines.push(line) });
    assert.equal(again.state, "failed", "it fails at the same step again");
    assert.equal(lines[0], "Going on from checkpoints/step-00000005");
    assert.deepEqual(lines.filter((line) => /^rank 0 /.test(line)), [5, 6, 7].map((step) => `rank 0 of 2 step ${step} größe`));
    await fetchRun(space.services, record.id, join(scratch, "failed"));
    assert.equal(readFileSync(join(record.started?.folder ?? "", "model/unet/weights.safetensors"), "utf8"), "seed 3");
    assert.ok(!existsSync(join(record.started?.folder ?? "", "model.given/unet/weights.safetensors")), "the given model is as it was");
    const log: Uint8Array[] = [];
    await printLog(space.services, record.id, (bytes) => log.push(bytes));
    assert.match(Buffer.concat(log).toString("utf8"), /^greeting it's \$HOME; "größe" a b$/m);
  });

  it("calls a run lost when its processes vanish without an exit code, and cancels one that is starting", async () => {
    const record = await space.launch({ steps: 600, pace: 0.1 }, 0);
    // Until there are none: what was being started stands in no earlier list.
    for (;;) {
      const left = processesMentioning(`DIFFUSIONPIPE_RUN=${record.id}`);
      if (left.length === 0) break;
      for (const pid of left) kill(pid);
    }
    assert.equal((await runStatus(space.services, record.id)).state, "lost");
    await assert.rejects(resumeRun(space.services, record.id), /left no checkpoint/);

    const second = await space.launch({ steps: 600, pace: 0.1 }, 0);
    assert.equal((await cancelRun(space.services, second.id)).state, "cancelled");
    assert.deepEqual(processesMentioning(second.id), []);
    assert.equal((await cancelRun(space.services, second.id)).state, "cancelled", "once more changes nothing");
  });

  it("refuses an interpreter without the packages, with the command that installs them", async () => {
    const bare = new Workspace(mkdtempSync(join(scratch, "bare")), { kind: "local", folder: "runs", interpreter: "/usr/bin/python3" });
    await assert.rejects(bare.launch({ steps: 1 }), /"\/usr\/bin\/python3" .*(torch is not installed.*\/usr\/bin\/python3 -m pip install torch==|not found)/);
    const none = new Workspace(mkdtempSync(join(scratch, "none")), { kind: "local", folder: "runs", interpreter: "./no such python" });
    await assert.rejects(none.launch({ steps: 1 }), /interpreter ".*no such python" was not found/);
    assert.deepEqual(await listRuns(none.services), []);
  });
});
