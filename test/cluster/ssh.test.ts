import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cancelRun, fetchRun, follow, listRuns, runStatus } from "../../src/app/runs";
import { launch } from "../../src/app/launch";
import { UserError } from "../../src/model/errors";
import { startSshLab, type SshLab } from "../tools/sshd/lab";
import { processesMentioning } from "../tools/sshd/processes";
import { Workspace } from "./standIn";

const folderOnTarget = "~/runs of größe";

describe("launching over ssh", () => {
  let scratch: string;
  let lab: SshLab;
  const workspaces: Workspace[] = [];

  const workspace = (host = "lab") => {
    const made = new Workspace(mkdtempSync(join(scratch, "work space ")), { kind: "ssh", folder: folderOnTarget, ssh: { host, configFile: lab.configFile } });
    workspaces.push(made);
    return made;
  };

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), "diffusionpipe-ssh-"));
    lab = await startSshLab(mkdtempSync(join(scratch, "lab")));
  });

  after(async () => {
    for (const { services } of workspaces) {
      for (const { record, status } of await listRuns(services)) if (status?.state === "running") await cancelRun(services, record.id);
    }
    await lab.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  it("runs on through a cut connection and a closed editor; every line of the log is seen once; the results come whole", async () => {
    const space = workspace();
    const { services } = space;
    const steps = 60;
    const record = await space.launch({ steps, pace: 0.1 });
    assert.ok(record.started?.folder.startsWith(join(lab.home, "runs of größe")), record.started?.folder);
    assert.ok(existsSync(join(services.runsFolder, record.id, "predicted.timeline.json")));

    const lines: string[] = [];
    const editor = new AbortController();
    let cuts = 0;
    const onLine = (line: string) => {
      lines.push(line);
      const step = Number(/step (\d+)/.exec(line)?.[1] ?? -1);
      if (step === 5 && cuts === 0) cuts = lab.cut();
      if (step === 30) editor.abort();
    };
    const lost: string[] = [];
    const onDisconnect = (why: string) => {
      lost.push(why);
      if (lost.length === 2) void lab.restore();
    };
    await assert.rejects(follow(services, record.id, { from: "shown", onLine, onDisconnect, pollMs: 100, signal: editor.signal }), /Cancelled/);
    assert.ok(cuts > 0, "a session was cut");
    assert.match(lost.join("\n"), /lab (cannot be reached|was lost)/);

    const progress: number[] = [];
    const status = await follow(services, record.id, { from: "shown", onLine, onProgress: ({ step }) => progress.push(step ?? -1), pollMs: 100 });
    assert.equal(status.state, "completed");
    assert.equal(status.exitCode, 0);
    assert.equal(progress.at(-1), steps);
    for (const rank of [0, 1]) {
      assert.deepEqual(lines.filter((line) => line.startsWith(`rank ${rank} `)), Array.from({ length: steps }, (_, step) => `rank ${rank} of 2 step ${step} größe`));
    }
    assert.equal(`${lines.join("\n")}\n`, readFileSync(join(record.started?.folder ?? "", "log"), "utf8"));

    const results = join(space.folder, "results of it");
    await fetchRun(services, record.id, results);
    assert.equal(readFileSync(join(results, "output/unet/weights.safetensors"), "utf8"), "the weights");
    const seen = JSON.parse(readFileSync(join(results, "output/seen.json"), "utf8")) as { data: string[]; threads: string; home: string };
    assert.deepEqual(seen.data, readdirSync(join(space.folder, "images of größe")).sort());
    assert.equal(seen.threads, "1");
    assert.equal(seen.home, lab.home);
    assert.equal(readFileSync(join(results, "metrics.jsonl"), "utf8").trim().split("\n").length, steps);
    assert.deepEqual(JSON.parse(readFileSync(join(results, "predicted.timeline.json"), "utf8")).source, "predicted");
    await assert.rejects(fetchRun(services, record.id, results), /something here already/);
    assert.deepEqual(readdirSync(space.folder).filter((name) => name.endsWith(".tmp")), []);
  });

  it("sends only what the target lacks, and cancels every rank, even one that ignores TERM", async () => {
    const space = workspace();
    const first = await space.prepare({ steps: 600, pace: 0.1, deaf: true });
    const record = await launch(space.services, first);
    assert.equal(record.sync.sentFiles, 0, "the folders of the launch before are the same, wherever they lay");
    space.write("images of größe/new.png", "a new image");
    const second = await space.prepare({ steps: 1 });
    assert.notEqual(second.document.trees.data.sha256, first.document.trees.data.sha256);

    await follow(space.services, record.id, { from: "shown", pollMs: 100, signal: AbortSignal.timeout(60_000), onProgress: ({ step }) => { if ((step ?? 0) >= 3) throw new UserError("seen enough"); } }).catch((error) => assert.match(String(error), /seen enough/));
    const running = await runStatus(space.services, record.id);
    assert.equal(running.state, "running");
    // The script, the agent and two ranks, at least.
    assert.ok(processesMentioning(`DIFFUSIONPIPE_RUN=${record.id}`).length >= 4);
    const asked = Date.now();
    const status = await cancelRun(space.services, record.id);
    assert.equal(status.state, "cancelled");
    assert.deepEqual(processesMentioning(record.id), [], `after ${Date.now() - asked} ms`);
    assert.ok(!existsSync(join(record.started?.folder ?? "", "output")));
    assert.deepEqual(readdirSync(record.started?.folder ?? "").filter((name) => name.endsWith(".tmp") || name.endsWith(".new")), []);

    const third = await launch(space.services, second);
    assert.deepEqual([third.sync.sentFiles, third.sync.sentBytes], [1, "a new image".length]);
    await follow(space.services, third.id, { from: "start", pollMs: 100 });
    assert.deepEqual((await listRuns(space.services)).map((entry) => entry.record.lastState), ["completed", "cancelled"]);
  });

  it("refuses a changed host key, with the command that helps", async () => {
    const changed = join(scratch, "changed_hosts");
    const [address] = readFileSync(lab.knownHosts, "utf8").split(" ");
    const otherKey = readFileSync(join(lab.configFile, "..", "user_key.pub"), "utf8").split(" ").slice(0, 2).join(" ");
    writeFileSync(changed, `${address} ${otherKey}\n`);
    lab.addHost("changed", [`UserKnownHostsFile "${changed}"`]);
    await refused(workspace("changed"), /host key of changed is not the one in your known hosts file\. Nothing was sent\..*ssh-keygen -R/);
  });

  it("refuses an unknown host, even where the configuration would accept it", async () => {
    lab.addHost("unknown", ["UserKnownHostsFile /dev/null", "StrictHostKeyChecking no"]);
    await refused(workspace("unknown"), /host key of unknown is not known yet\. Nothing was sent\./);
  });

  it("says so where the login is refused", async () => {
    lab.addHost("stranger", [`IdentityFile "${join(scratch, "no such key")}"`, "User no-such-user"]);
    await refused(workspace("stranger"), /stranger refused to log in/);
  });

  it("says so where the host cannot be reached", async () => {
    lab.addHost("asleep", ["Port 1"]);
    await refused(workspace("asleep"), /asleep cannot be reached/);
  });

  async function refused(space: Workspace, why: RegExp): Promise<void> {
    await assert.rejects(space.launch({ steps: 1 }), (error) => error instanceof UserError && why.test(error.message));
    assert.deepEqual(await listRuns(space.services), []);
  }
});
