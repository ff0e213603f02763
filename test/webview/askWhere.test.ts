/** Profile Layers as a person calls it: where to time is asked, and an estimate for another GPU made by two more questions. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Profile } from "../../src/model/profile";
import type { openWindow, Window } from "../tools/vscode/window.mjs";
import { Workbench } from "./workbench";

describe("the question where to time layers", function () {
  this.timeout(120_000);
  let workspace: string;
  let window: Window | undefined;

  before(async () => {
    workspace = await mkdtemp(join(tmpdir(), "diffusionpipe-where-"));
    for (const name of ["model", "local.target.json"]) await cp(join("media/sample", name), join(workspace, name), { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    await mkdir("out/screenshots", { recursive: true });
    const harness = (await import(pathToFileURL(resolve("test/tools/vscode/window.mjs")).href)) as { openWindow: typeof openWindow };
    window = await harness.openWindow({ version: process.env.DIFFUSIONPIPE_VSCODE === "oldest" ? "oldest" : "newest", workspace, extensionPath: resolve("."), installed: true });
  });

  after(async () => {
    await window?.close();
    await rm(workspace, { recursive: true, force: true });
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed" && window) await window.page.screenshot({ path: "out/screenshots/profile-where-failed.png" });
  });

  it("offers this machine, another GPU and a target, and estimates for the GPU that is chosen", async () => {
    assert.ok(window);
    const bench = new Workbench(window.page);
    await bench.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).click();
    await bench.page.getByRole("treeitem", { name: /^model/ }).first().waitFor({ timeout: 40_000 });
    await bench.command("Profile Layers");
    await bench.page.locator('.quick-input-widget input[placeholder*="Times of which device?"]').waitFor({ timeout: 20_000 });
    const offered = await bench.page.locator(".quick-input-list .monaco-list-row .label-name").allInnerTexts();
    assert.deepEqual(offered, ["This machine", "Another GPU (estimate)…", "A target (measured there)…"]);
    await bench.page.screenshot({ path: "out/screenshots/profile-where.png" });
    await bench.choose("Times of which device?", "Another GPU");
    await bench.choose("Which GPU?", "RTX 4090");
    await bench.choose("Which precision?", "bf16");
    await bench.toast("Its times are estimates").waitFor({ timeout: 30_000 });
    const { device, components } = JSON.parse(await readFile(join(workspace, "model.rtx-4090.profile.json"), "utf8")) as Profile;
    assert.deepEqual([device.name, device.provider, device.precision], ["NVIDIA GeForce RTX 4090", "estimate", "bf16"]);
    assert.ok(components.every(({ layers }) => layers.every(({ times }) => times.every(({ source }) => source === "estimate"))));
  });
});
