/** The model view in VS Code, with the sample model: looked at, searched, changed, its configuration gone to, and there again after a restart. */
import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { openWindow, Window } from "../tools/vscode/window.mjs";
import { Workbench } from "./workbench";

const screenshots = "out/screenshots";

describe("the model view in VS Code", function () {
  this.timeout(120_000);
  let workspace: string;
  let window: Window | undefined;
  let bench: Workbench;

  async function open(): Promise<void> {
    workspace = await mkdtemp(join(tmpdir(), "diffusionpipe-model-"));
    await cp("media/sample/model", join(workspace, "model"), { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    await mkdir(screenshots, { recursive: true });
    const harness = (await import(pathToFileURL(resolve("test/tools/vscode/window.mjs")).href)) as { openWindow: typeof openWindow };
    window = await harness.openWindow({ version: process.env.DIFFUSIONPIPE_VSCODE === "oldest" ? "oldest" : "newest", workspace, extensionPath: resolve("."), installed: true, theme: "dark" });
    bench = new Workbench(window.page);
    try {
      // Waits until the extension has started.
      await bench.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).click();
      await bench.page.getByRole("treeitem", { name: /^model/ }).first().waitFor({ timeout: 40_000 });
      await bench.command("DiffusionPipe: Inspect Model");
      await component("unet").waitFor({ timeout: 30_000 });
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

  const component = (name: string) => bench.view.locator(".row-component", { hasText: name }).first();
  const layer = (name: string) => bench.view.locator(`.row-layer:has(.name[title="${name}"])`);
  const isTrained = async (name: string) => (await component(name).locator("vscode-checkbox").getAttribute("aria-checked")) === "true";
  const work = async (name: string) => (await layer(name).locator(".cell-work").innerText()).replace(/\s/g, "");
  const tile = (label: string) => bench.view.locator(".tile", { hasText: label }).locator(".tile-value").innerText();
  async function backToView(): Promise<void> {
    await bench.page.locator(".tab", { hasText: /^model$/ }).click();
    await component("unet").waitFor();
  }
  const shot = (name: string) => bench.page.screenshot({ path: join(screenshots, `${name}.png`) });

  describe("step by step", () => {
    before(open);
    after(close);
    afterEach(async function () {
      if (this.currentTest?.state === "failed" && window) await shot("model-failed");
    });

    it("shows components, layers and figures", async () => {
      assert.equal(await tile("Chain"), "35 layers");
      assert.equal(await work("time_embedding"), "F–W");
      assert.equal(await work("down_blocks.0.resnets.0"), "FIW");
      await bench.view.locator(".row-layer .cell-cut").nth(4).hover();
      await bench.view.locator(".tip", { hasText: "conv_in" }).waitFor();
      await shot("model-dark");
    });

    it("searches its layers", async () => {
      await component("unet").locator(".name").click();
      await bench.page.keyboard.press("Control+f");
      await bench.page.keyboard.type("downsample");
      await bench.view.locator(".search-count", { hasText: "4 of 57 layers" }).waitFor();
      await bench.page.keyboard.press("Enter");
      await bench.view.locator(".row.active", { hasText: "encoder.down_blocks.0.downsamplers.0" }).waitFor();
      await bench.page.keyboard.press("Escape");
      await bench.view.locator(".search-count", { hasText: /^57 layers/ }).waitFor();
    });

    it("trains the text encoder when told to: its layers join the chain", async () => {
      assert.equal(await isTrained("text_encoder"), false);
      const before = await tile("Trainable");
      await component("text_encoder").locator("vscode-checkbox").click();
      await bench.until("the text encoder trains", () => isTrained("text_encoder"));
      assert.equal(await tile("Chain"), "43 layers");
      assert.notEqual(await tile("Trainable"), before);
      // What trains is open until one has been closed by hand.
      assert.equal(await work("embeddings"), "F–W");
      assert.equal(await work("final_layer_norm"), "FIW");
    });

    it("says beside the toggle what cannot train", async () => {
      await component("vae").locator("vscode-checkbox").click();
      await component("vae").locator(".bubble", { hasText: "cannot be trained" }).waitFor();
      assert.equal(await isTrained("vae"), false);
      await component("vae").locator(".bubble-close").click();
    });

    it("gives the figures at another size", async () => {
      const saved = await tile("Saved activations");
      const height = bench.view.locator("vscode-text-field", { hasText: "Height" }).locator("input");
      await height.fill("65");
      await bench.view.locator(".size-refusal", { hasText: "height" }).or(bench.view.locator(".size-refusal", { hasText: "multiple" })).first().waitFor();
      await height.fill("128");
      await bench.until("more is saved", async () => (await tile("Saved activations")) !== saved);
      await bench.view.locator(".size-refusal").waitFor({ state: "hidden" });
      await shot("model-changed");
    });

    it("is there again after a restart, with roles, size and what was open", async () => {
      const [saved, chain] = [await tile("Saved activations"), await tile("Chain")];
      await bench.page.waitForTimeout(7000); // VS Code in a browser writes its state every five seconds
      await bench.page.reload();
      await component("unet").waitFor({ timeout: 60_000 });
      assert.deepEqual([await tile("Saved activations"), await tile("Chain")], [saved, chain]);
      assert.equal(await isTrained("text_encoder"), true);
      assert.ok(await layer("embeddings").isVisible());
    });

    it("goes to what decides on a layer in the configuration", async () => {
      await layer("down_blocks.1.attentions.0").locator(".cell-work").dblclick();
      await bench.page.locator(".tab.active", { hasText: "config.json" }).waitFor();
      const text = (await readFile(join(workspace, "model/unet/config.json"), "utf8")).split("\n");
      const line = text.findIndex((content) => content.includes("down_block_types")) + 2;
      await bench.page.locator(".statusbar-item", { hasText: `Ln ${line + 1},` }).waitFor();
    });

    it("says where the files are broken, goes there, and carries on when they are mended", async () => {
      const file = join(workspace, "model/unet/config.json");
      const before = await readFile(file, "utf8");
      await backToView();
      await writeFile(file, before.replace(/"block_out_channels": \[[^\]]*\]/, '"block_out_channels": "wide"'));
      const notice = bench.view.locator(".notice-error", { hasText: "block_out_channels" });
      await notice.waitFor();
      assert.match(await notice.innerText(), /model\/unet\/config\.json · block_out_channels/);
      await notice.getByText("Open File").click();
      await bench.page.locator(".tab.active", { hasText: "config.json" }).waitFor();
      await writeFile(file, before);
      await backToView();
      await notice.waitFor({ state: "detached" });
    });

    it("reads well in high contrast", async () => {
      assert.ok(window);
      await window.setTheme("high-contrast");
      await bench.view.locator("body.vscode-high-contrast").waitFor();
      await bench.view.locator(".row-layer .cell-work").nth(4).click();
      await bench.view.locator(".details .tensors li").first().waitFor();
      await shot("model-high-contrast");
    });
  });
});
