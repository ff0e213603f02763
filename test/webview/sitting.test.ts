/**
 * One sitting in VS Code with the pointer and the keyboard: a plan by questions, training on this machine with the real
 * trainer, its log over a restart of the window, what was measured over what was predicted, and a run called off.
 * On the newest version only: what differs between versions is tested by the other suites, and a run takes its time.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plan } from "../../src/model/plan";
import { kill } from "../tools/sshd/processes";
import type { openWindow, Window } from "../tools/vscode/window.mjs";
import { Workbench } from "./workbench";

const python = process.env.DIFFUSIONPIPE_PYTHON ?? join(homedir(), ".cache/diffusionpipe/venv/bin/python");
const screenshots = "out/screenshots";
const steps = 16;

describe("a sitting in VS Code", function () {
  this.timeout(300_000);
  let workspace: string;
  let window: Window | undefined;
  let bench: Workbench;
  const planFile = () => join(workspace, "tiny.pipeplan.json");

  before(async function () {
    if (spawnSync(python, ["-c", "import torch, diffusers"]).status !== 0) {
      this.runnable().title += `, skipped: ${python} cannot import torch and diffusers (make it with: node test/tools/setup.mjs python)`;
      return this.skip();
    }
    workspace = await mkdtemp(join(tmpdir(), "diffusionpipe-sitting-"));
    for (const name of ["model", "local.cluster.json", "local.target.json"]) await cp(join("media/sample", name), join(workspace, name), { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    await cp("test/fixtures/extension/images", join(workspace, "images"), { recursive: true });
    await mkdir(screenshots, { recursive: true });
    const harness = (await import(pathToFileURL(resolve("test/tools/vscode/window.mjs")).href)) as { openWindow: typeof openWindow };
    window = await harness.openWindow({
      version: "newest", workspace, extensionPath: resolve("."), installed: true, theme: "dark",
      environment: { DIFFUSIONPIPE_PYTHON: python, HF_HUB_OFFLINE: "1" },
      settings: { "diffusionpipe.profile.batches": [2], "diffusionpipe.profile.threads": 1, "diffusionpipe.profile.provider": "cpu", "files.autoSave": "off" },
    });
    bench = new Workbench(window.page);
  });

  after(async () => {
    if (window) for (const pid of await runProcesses(window.data)) kill(-pid);
    await window?.close();
    if (workspace) await rm(workspace, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed" && window) await window.page.screenshot({ path: join(screenshots, "sitting-failed.png") });
  });

  const records = async () => {
    const folder = join((window as Window).data, "state/diffusionpipe/runs");
    return (await readdir(folder).catch(() => [])).sort().map((id) => ({ id, folder: join(workspace, "out/runs", id) }));
  };
  const shot = (name: string) => (window as Window).page.screenshot({ path: join(screenshots, `${name}.png`) });
  const row = (text: string) => bench.page.getByRole("treeitem", { name: new RegExp(`^${text}`) });

  it("makes a plan by questions and shows its timeline", async () => {
    // Waits until the extension has started.
    await bench.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).click();
    await row("model").first().waitFor({ timeout: 30_000 });
    await bench.command("DiffusionPipe: New Plan");
    await bench.choose("Plan from which model or profile?", "model");
    await bench.choose("Which cluster?", "This machine");
    await bench.choose("What computes on this machine?", "CPU cores");
    await bench.answer("How many devices?", "2");
    await bench.answer("Memory of one device");
    await shot("sitting-question");
    await bench.answer("Bandwidth between two devices");
    await bench.answer("Global batch", "4");
    await bench.choose("Which captioned images", "images");
    await bench.answer("Name of the plan", "tiny");
    await bench.view.locator(".tile", { hasText: "Period" }).locator(".tile-value").waitFor({ timeout: 240_000 });
    await bench.view.locator(".tile", { hasText: "DDP" }).locator(".tile-value", { hasText: /×|–/ }).waitFor({ timeout: 30_000 });
    await row("tiny").waitFor();
    await shot("sitting-plan");
  });

  it("trains the text encoder when told to in the timeline: its gradients are timed, the plan is made anew, one undo takes it back", async () => {
    const layers = () => bench.view.locator(".layer").count();
    assert.equal(await layers(), 35);
    await bench.view.locator(".components summary").click();
    await bench.view.locator(".components vscode-checkbox", { hasText: "text_encoder trains" }).click();
    await bench.until("the text encoder's layers are in the chain", async () => (await layers()) === 43, 120_000);
    assert.ok((await readdir(workspace)).some((name) => name.endsWith(".text_encoder-trains.profile.json")), "another profile");
    await shot("sitting-trains-encoder");
    await bench.view.locator(".plot").focus();
    await bench.page.keyboard.press("Control+z");
    await bench.until("the text encoder is frozen again", async () => (await layers()) === 35);
    assert.equal(await bench.page.locator(".tab.dirty").count(), 0, "as it was");
  });

  it("shows what will be sent and run, and starts it when told to", async () => {
    const text = await readFile(planFile(), "utf8");
    const { training } = JSON.parse(text) as Plan;
    await writeFile(planFile(), text.replace(`"steps": ${training.steps}`, `"steps": ${steps}`));
    await bench.command("DiffusionPipe: Launch Training");
    await bench.choose("Where to train?", "local.target.json");
    await bench.answer("There are no weights", "0");
    await bench.toast("shows what will be sent").waitFor({ timeout: 20_000 });
    await bench.page.locator(".editor-instance .view-line", { hasText: "torch" }).first().waitFor();
    await shot("sitting-document");
    assert.deepEqual(await records(), [], "nothing has started");
    await bench.press("shows what will be sent", "Start Training");
    await bench.toast("It goes on when the editor closes").waitFor({ timeout: 30_000 });
    assert.equal((await records()).length, 1);
  });

  it("goes on over a restart of the window, which finds it again", async () => {
    const [{ id }] = await records();
    await bench.until("the status bar names the run", async () => (await bench.status()).includes(id));
    await bench.page.reload();
    await bench.until("the status bar names the run again", async () => (await bench.status()).includes(id), 40_000);
    await row(id).waitFor();
    assert.match((await row(id).textContent()) ?? "", /running|launching/);
    await bench.command("DiffusionPipe: Show Run Log");
    await bench.choose("Which run?", id);
    await bench.toast("has completed").waitFor({ timeout: 90_000 });
    await shot("sitting-completed");
    assert.match((await row(id).textContent()) ?? "", /completed/);
    await bench.until("the status bar is empty again", async () => (await bench.status()) === "");
  });

  it("shows every line of the log once", async () => {
    const [{ id, folder }] = await records();
    const written = (await readFile(join(folder, "log"), "utf8")).trimEnd().split("\n");
    const shown = (await readFile(await channelFile((window as Window).data, id), "utf8")).trimEnd().split("\n");
    assert.deepEqual(shown.slice(0, -1), written);
    assert.match(shown.at(-1) ?? "", /the run is completed/);
    assert.equal((await readFile(join(folder, "metrics.jsonl"), "utf8")).trim().split("\n").length, steps);
  });

  it("lays what was measured over the prediction, and takes it away again", async () => {
    const measured = bench.view.locator(".tile", { hasText: "Period" }).getByText(/^measured [\d.]/);
    await bench.press("has completed", "Show Measured Timeline");
    await measured.waitFor();
    assert.match(await measured.innerText(), /[\d.]+ m?s/);
    assert.equal(await bench.view.locator('[role="grid"] [role="row"]').count() >= 4, true);
    await shot("sitting-measured");
    await bench.command("DiffusionPipe: Hide Measured Timeline");
    await measured.waitFor({ state: "detached" });
  });

  it("cancels a run: its processes are gone", async () => {
    const [{ id: first }] = await records();
    await bench.command("DiffusionPipe: Launch Training");
    await bench.choose("Where to train?", "local.target.json");
    await bench.answer("There are no weights", "0");
    await bench.press("shows what will be sent", "Start Training");
    await bench.toast("It goes on when the editor closes").waitFor({ timeout: 30_000 });
    const second = (await records()).find(({ id }) => id !== first);
    assert.ok(second);
    await bench.command("DiffusionPipe: Cancel Run");
    await bench.choose("Which run?", second.id);
    await bench.page.locator(".monaco-dialog-box").getByRole("button", { name: "Cancel the Run" }).click();
    await bench.until("the tree says so", async () => /cancelled/.test((await row(second.id).textContent()) ?? ""));
    const pid = Number(await readFile(join(second.folder, "pid"), "utf8").then((text) => text.trim().split(/\s/)[0]));
    await bench.until("no process of it is left", () => Promise.resolve(!isThere(pid)), 5_000);
  });
});

/** Leaders of the groups of processes that runs were started as. */
async function runProcesses(data: string): Promise<readonly number[]> {
  const folder = join(data, "state/diffusionpipe/runs");
  const found = await Promise.all((await readdir(folder).catch(() => [])).map(async (id) => (JSON.parse(await readFile(join(folder, id, "run.json"), "utf8")) as { started?: { pid: number } }).started?.pid));
  return found.filter((pid) => pid !== undefined).filter(isThere);
}

/** Whether any process of a group is there. */
function isThere(group: number): boolean {
  try {
    return process.kill(-group, 0);
  } catch {
    return false;
  }
}

/** The newest file that VS Code keeps an output channel's text in. */
async function channelFile(data: string, id: string): Promise<string> {
  const all = await readdir(data, { recursive: true });
  const file = all.filter((name) => name.endsWith(".log") && name.includes(id)).sort().at(-1);
  assert.ok(file, `no output channel of ${id}`);
  return join(data, file);
}
