/** The profile view in VS Code, with the sample model: made, looked at, out of date, measured again, exported. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { formatDocument } from "../../src/formats/document";
import type { Profile } from "../../src/model/profile";
import { parsedCsv } from "../tools/parsedCsv";
import type { openWindow, Window } from "../tools/vscode/window.mjs";
import { profileOf } from "./profileDocument";
import { Workbench } from "./workbench";

const screenshots = "out/screenshots";

describe("the profile view in VS Code", function () {
  this.timeout(300_000);
  let workspace: string;
  let window: Window | undefined;
  let bench: Workbench;

  async function open(options: Partial<Parameters<typeof openWindow>[0]>): Promise<void> {
    workspace = await mkdtemp(join(tmpdir(), "diffusionpipe-profile-"));
    for (const name of ["model", "local.target.json"]) await cp(join("media/sample", name), join(workspace, name), { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    await writeFile(join(workspace, "made.profile.json"), formatDocument({ ...profileOf({ unmeasured: 1, outOfMemory: "block.3" }), model: { path: "model", sha256: "" } }));
    await mkdir(screenshots, { recursive: true });
    const harness = (await import(pathToFileURL(resolve("test/tools/vscode/window.mjs")).href)) as { openWindow: typeof openWindow };
    window = await harness.openWindow({
      version: process.env.DIFFUSIONPIPE_VSCODE === "oldest" ? "oldest" : "newest", workspace, extensionPath: resolve("."), installed: true, theme: "dark", ...options,
      settings: { "diffusionpipe.profile.provider": "cpu", "diffusionpipe.profile.threads": 1, "diffusionpipe.profile.batches": [2] },
    });
    bench = new Workbench(window.page);
    try {
      // Waits until the extension has started.
      await bench.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).click();
      await bench.page.getByRole("treeitem", { name: /^model/ }).first().waitFor({ timeout: 40_000 });
    } catch (error) {
      await close(); // or the window would outlive the tests
      throw error;
    }
  }

  async function close(): Promise<void> {
    await window?.close();
    window = undefined;
    await rm(workspace, { recursive: true, force: true });
  }

  const made = () => join(workspace, "model.profile.json");
  const onDisk = async () => JSON.parse(await readFile(made(), "utf8")) as Profile;
  const row = (name: string) => bench.view.locator(".row", { has: bench.view.locator(`.name[title="${name}"]`) });
  const notice = (text: string) => bench.view.locator(".notice", { hasText: text });
  const shot = (name: string) => bench.page.screenshot({ path: join(screenshots, `${name}.png`) });

  describe("step by step", () => {
    before(() => open({}));
    after(close);
    afterEach(async function () {
      if (this.currentTest?.state === "failed" && window) await shot("profile-failed");
    });

    it("asks where to time layers, and estimates for another GPU when that is chosen", async () => {
      await bench.command("DiffusionPipe: Profile Layers");
      await bench.page.locator('.quick-input-widget input[placeholder*="Times of which device?"]').waitFor();
      const offered = await bench.page.locator(".quick-input-list .monaco-list-row .label-name").allInnerTexts();
      assert.deepEqual(offered, ["This machine", "Another GPU (estimate)…", "A target (measured there)…"]);
      await shot("profile-where");
      await bench.choose("Times of which device?", "Another GPU");
      await bench.choose("Which GPU?", "RTX 4090");
      await bench.choose("Which precision?", "bf16");
      await bench.toast("Its times are estimates").waitFor();
      const { device, components } = JSON.parse(await readFile(join(workspace, "model.rtx-4090.profile.json"), "utf8")) as Profile;
      assert.deepEqual([device.name, device.provider, device.precision], ["NVIDIA GeForce RTX 4090", "estimate", "bf16"]);
      assert.ok(components.every(({ layers }) => layers.every(({ times }) => times.every(({ source }) => source === "estimate"))));
    });

    it("shows what was just measured", async () => {
      await bench.command("DiffusionPipe: Profile Layers");
      await bench.choose("Times of which device?", "This machine");
      await bench.press("model.profile.json is written", "Open Profile", 180_000);
      await row("unet").waitFor({ timeout: 30_000 });
      assert.match(await bench.view.locator(".tile", { hasText: "Forward measured" }).innerText(), /100 %.*57 of 57 layers/s);
      await row("vae / encoder.conv_in").click();
      await bench.view.locator(".details svg .curve-point").first().waitFor();
      assert.equal(await bench.view.locator(".notice").count(), 0, "it is of the model as that is");
      await shot("profile-dark");
    });

    it("says which layers changed with the model, and measures those and no others", async () => {
      const before = await onDisk();
      const config = join(workspace, "model/text_encoder/config.json");
      const text = await readFile(config, "utf8");
      await writeFile(config, text.replace(/"intermediate_size": \d+/, '"intermediate_size": 640'));
      await notice("6 layers changed since this was measured").waitFor();
      assert.equal(await bench.view.locator(".chip-changed").count(), 6);
      await shot("profile-changed");
      await notice("6 layers changed").getByText("Measure the 6 Layers That Changed").click();
      await notice("6 layers changed").waitFor({ state: "detached", timeout: 60_000 });
      const after = await onDisk();
      const times = ({ components }: Profile, changed: boolean) => components.flatMap(({ name, layers }) => layers.filter((layer) => (name === "text_encoder" && layer.name.startsWith("layers.")) === changed).map((layer) => layer.times.map(({ batch, forwardMs }) => [batch, forwardMs])));
      assert.deepEqual(times(after, false), times(before, false));
      assert.notDeepEqual(times(after, true), times(before, true));
      await writeFile(config, text);
      await notice("6 layers changed since this was measured").waitFor();
    });

    it("exports all of it", async () => {
      await bench.view.getByText("Export as CSV").click();
      const input = bench.page.locator(".quick-input-widget input").first();
      await input.waitFor();
      await bench.until("a name is suggested", async () => (await input.inputValue()).endsWith("model.csv"));
      await input.press("Enter");
      await bench.toast("model.csv is written").waitFor();
      const [, ...lines] = parsedCsv(await readFile(join(workspace, "model.csv"), "utf8"));
      assert.equal(lines.length, 57);
    });

    it("says where the text is broken, and carries on when it is mended", async () => {
      const text = await readFile(made(), "utf8");
      await writeFile(made(), text.replace(/"height": \d+/, '"height": "tall"'));
      await notice("bindings.height").waitFor();
      assert.ok(await row("unet").isVisible());
      await writeFile(made(), text);
      await notice("bindings.height").waitFor({ state: "detached" });
    });
  });

  describe("in a workspace that is not trusted", () => {
    before(() => open({ trusted: false }));
    after(close);

    it("measures nothing, and says so", async () => {
      await bench.command("DiffusionPipe: Open Profile");
      await row("text_encoder").waitFor({ timeout: 30_000 });
      await notice("1 layer was not measured").getByText("waits until this workspace is trusted").waitFor();
      assert.equal(await notice("1 layer was not measured").locator("vscode-button").count(), 0);
    });

    it("reads well in high contrast, and in a narrow window", async () => {
      assert.ok(window);
      await window.setTheme("high-contrast");
      await bench.view.locator("body.vscode-high-contrast").waitFor();
      await row("unet / block.3").click();
      await bench.view.locator(".details svg .curve-failed").waitFor();
      await shot("profile-high-contrast");
      await bench.page.setViewportSize({ width: 760, height: 900 });
      await bench.until("there is little room", async () => !(await row("unet / block.3").locator(".c-rate").isVisible()));
      await shot("profile-high-contrast-narrow");
    });
  });
});
