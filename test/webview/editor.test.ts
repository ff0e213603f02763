import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { FrameLocator } from "playwright-core";
import { formatDocument } from "../../src/formats/document";
import type { Plan } from "../../src/model/plan";
import { predictedFigures } from "../../src/plan/predict";
import { runnable } from "../../src/plan/runnable";
import { contextOf } from "../../src/simulate/context";
import type { openWindow, Window } from "../tools/vscode/window.mjs";
import { clusterOf, planOf, profile } from "./documents";
import { Workbench } from "./workbench";

const cluster = clusterOf(2);
const context = contextOf(profile, cluster);
const screenshots = "out/screenshots";

describe("the timeline editor in VS Code", function () {
  this.timeout(120_000);
  let workspace: string;
  let window: Window;
  let isOpen = false;
  let frame: FrameLocator;
  const file = () => join(workspace, "a.pipeplan.json");
  const onDisk = () => readFile(file(), "utf8");
  const boundary = () => frame.locator(".boundary");
  const layer = async () => Number(await boundary().getAttribute("aria-valuenow"));

  async function open(): Promise<void> {
    workspace = await mkdtemp(join(tmpdir(), "diffusionpipe-editor-"));
    const plan = planOf(2, 4);
    await writeFile(join(workspace, "small.profile.json"), formatDocument(profile));
    await writeFile(join(workspace, "small.cluster.json"), formatDocument(cluster));
    // Not as the product would lay it out, so that keeping the bytes means something.
    await writeFile(file(), `${JSON.stringify({ "own key": 1.50, ...plan, runnable: runnable(plan, context.workload), predicted: predictedFigures(plan, context) }, null, 3)}\n\n`);
    const harness = (await import(pathToFileURL(resolve("test/tools/vscode/window.mjs")).href)) as { openWindow: typeof openWindow };
    window = await harness.openWindow({ version: process.env.DIFFUSIONPIPE_VSCODE === "oldest" ? "oldest" : "newest", workspace, extensionPath: resolve("."), installed: true, theme: "dark", settings: { "files.autoSave": "off" } });
    isOpen = true;
    window.page.on("dialog", (dialog) => void dialog.accept());
    try {
      await openPlan();
    } catch (error) {
      await close(); // or the window would outlive the tests
      throw error;
    }
  }

  async function openPlan(): Promise<void> {
    frame = window.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    // Once the extension is known, plans open as timelines.
    await window.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).waitFor();
    await window.page.getByRole("treeitem", { name: "a.pipeplan.json" }).dblclick();
    await boundary().waitFor({ state: "attached", timeout: 60_000 });
  }

  async function close(): Promise<void> {
    if (isOpen) await window.close();
    isOpen = false;
    await rm(workspace, { recursive: true, force: true });
  }

  async function drag(pixels: number): Promise<void> {
    const box = await boundary().boundingBox();
    assert.ok(box);
    await window.page.mouse.move(box.x + box.width / 2, box.y + 50);
    await window.page.mouse.down();
    await window.page.mouse.move(box.x + box.width / 2 + pixels, box.y + 50, { steps: 10 });
    await window.page.mouse.up();
  }

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 15_000; Date.now() < end; await window.page.waitForTimeout(50)) if (await holds()) return;
    assert.fail(`did not come about: ${what}`);
  }

  const isDirty = async () => (await window.page.locator(".tab.dirty").count()) > 0;
  async function save(): Promise<void> {
    await window.page.keyboard.press("Control+s");
    await until("saved", async () => !(await isDirty()));
  }

  describe("editing", () => {
    before(open);
    after(close);

    it("opens a plan as a timeline", async () => {
      assert.equal(await layer(), 18);
      assert.equal(await frame.locator(".layer").count(), 35);
      await frame.locator(".tile", { hasText: "DDP" }).locator(".tile-value", { hasText: "×" }).waitFor();
      await mkdir(screenshots, { recursive: true });
      await window.page.screenshot({ path: join(screenshots, "timeline-dark.png") });
    });

    it("a drag changes one boundary in the text, and one undo restores the bytes", async () => {
      const before = await onDisk();
      await drag(-90);
      await until("the document changed", isDirty);
      const moved = await layer();
      assert.ok(moved < 18);
      await save();
      const after = await onDisk();
      const changed = JSON.parse(after) as Plan;
      assert.deepEqual(changed.chains[0].stages.map(({ from, to }) => [from, to]), [[0, moved], [moved, 35]]);
      assert.deepEqual(changed.predicted, predictedFigures(changed, context), "the figures in the file are those of the new plan");
      const wanted = JSON.parse(before) as Plan;
      assert.deepEqual({ ...changed, chains: wanted.chains, predicted: wanted.predicted }, wanted, "nothing else is decided anew");
      const lines = (text: string) => text.replace(/"predicted": \{[^}]*\}/, "").split("\n");
      const different = lines(after).flatMap((line, index) => (line === lines(before)[index] ? [] : [line.trim()]));
      assert.deepEqual(different, [`"to": ${moved},`, `"from": ${moved},`]);
      await window.page.keyboard.press("Control+z");
      await until("undone in the picture", async () => (await layer()) === 18);
      await save();
      assert.equal(await onDisk(), before);
    });

    it("moves a boundary by keyboard as one edit", async () => {
      const before = await onDisk();
      await boundary().focus();
      for (let i = 0; i < 3; i++) await window.page.keyboard.press("ArrowRight");
      assert.equal(await isDirty(), false);
      await window.page.keyboard.press("Enter");
      await until("the document changed", isDirty);
      await window.page.keyboard.press("Control+z");
      await until("one undo took it back", async () => !(await isDirty()) && (await layer()) === 18);
      assert.equal(await onDisk(), before);
    });

    it("changes a decision through the planner, as one edit that one undo takes back", async () => {
      const before = await onDisk();
      await frame.getByLabel("Schedule", { exact: true }).selectOption("gpipe");
      await until("the document changed", isDirty);
      await save();
      const changed = JSON.parse(await onDisk()) as Plan;
      assert.equal(changed.schedule.name, "gpipe");
      assert.deepEqual(changed.predicted, predictedFigures(changed, context));
      await boundary().focus();
      await window.page.keyboard.press("Control+z");
      await until("undone in the picture", async () => (await frame.getByLabel("Schedule", { exact: true }).inputValue()) === "1f1b");
      await save();
      assert.equal(await onDisk(), before);
    });

    it("finds a better plan, which keeps a pinned boundary", async () => {
      const before = await onDisk();
      await boundary().focus();
      await window.page.keyboard.press("p");
      await frame.locator(".boundary.pinned").waitFor();
      await frame.getByText("Improve", { exact: true }).click();
      await frame.locator(".tile", { hasText: "Last save" }).getByText("faster").waitFor();
      await boundary().focus();
      await save();
      assert.ok((JSON.parse(await onDisk()) as Plan).predicted.periodMs < (JSON.parse(before) as Plan).predicted.periodMs);
      const better = JSON.parse(await onDisk()) as Plan;
      assert.deepEqual([better.pins, better.chains[0].stages[1].from], [["boundary:unet:0"], 18]);
      await writeFile(file(), before);
      await until("the picture is back", async () => (await frame.locator(".boundary.pinned").count()) === 0 && !(await isDirty()));
    });

    it("repairs an illegal plan by a quick fix", async () => {
      const before = await onDisk();
      const plan = JSON.parse(before) as Plan;
      await writeFile(file(), before.replace(/"fills": \[[^]*?\n {3}\]/, '"fills": []'));
      await frame.locator(".notice-error", { hasText: "does not run for sample" }).waitFor();
      await frame.getByText("Show in Text").click();
      await window.page.locator(".monaco-editor.focused, .monaco-editor .focused").first().waitFor();
      // Until the problem has come to the text, there is nothing to fix in it.
      for (let tries = 10; ; tries--) {
        await window.page.keyboard.press("Control+.");
        try {
          const fix = window.page.getByText("Fill the bubbles again, around what is pinned").first();
          await fix.hover({ timeout: 2000, force: true }); // until the pointer moves, a menu takes no click
          await fix.click({ timeout: 2000 });
          break;
        } catch (error) {
          if (tries === 1) throw error;
          await window.page.keyboard.press("Escape");
        }
      }
      await until("the picture is good again", async () => (await frame.locator(".notice-error").count()) === 0);
      await window.page.keyboard.press("Control+s");
      await until("saved", async () => (JSON.parse(await onDisk()) as Plan).fills.length > 0);
      assert.deepEqual((JSON.parse(await onDisk()) as Plan).chains, plan.chains);
      await window.page.keyboard.press("Control+F4");
      await writeFile(file(), before);
      await until("the picture is back", async () => (await layer()) === 18 && !(await isDirty()));
    });

    it("follows the text when it changes elsewhere, keeps the last good picture while it is broken, and says where", async () => {
      const text = await onDisk();
      await writeFile(file(), text.replace(/"to": 18/, '"to": 15').replace(/"from": 18/, '"from": 15'));
      await until("the picture followed", async () => (await layer()) === 15);
      await writeFile(file(), text.replace(/"from": 18/, '"from": 20'));
      await frame.locator(".notice-error", { hasText: "chains[0].stages[1].from" }).waitFor();
      assert.equal(await layer(), 15);
      await window.page.getByRole("button", { name: /Errors: 1/ }).or(window.page.getByLabel(/^Errors: 1/)).first().waitFor();
      await writeFile(file(), text);
      await until("the picture is back", async () => (await layer()) === 18 && (await frame.locator(".notice-error").count()) === 0);
    });

    it("says so when the profile is missing, and carries on when it is there again", async () => {
      await rm(join(workspace, "small.profile.json"));
      await frame.locator(".notice-error", { hasText: "small.profile.json" }).waitFor();
      await writeFile(join(workspace, "small.profile.json"), formatDocument(profile));
      await until("the notice went", async () => (await frame.locator(".notice-error").count()) === 0);
    });

    it("keeps an unsaved change over a restart, and reverts to the file", async () => {
      const before = await onDisk();
      await drag(120);
      await until("the document changed", isDirty);
      const moved = await layer();
      await window.page.waitForTimeout(2500); // VS Code writes its backup a second after the last change
      await window.page.reload();
      await boundary().waitFor({ state: "attached", timeout: 40_000 });
      await until("the change is back", async () => (await layer()) === moved && (await isDirty()));
      assert.equal(await onDisk(), before);
      await boundary().focus();
      await new Workbench(window.page).command("File: Revert File");
      await until("reverted", async () => (await layer()) === 18 && !(await isDirty()));
      assert.equal(await onDisk(), before);
    });

    for (const theme of ["light", "high-contrast"] as const) {
      it(`reads well in ${theme}`, async () => {
        await window.setTheme(theme);
        await frame.locator(`body.vscode-${theme}`).waitFor();
        await frame.locator(".tile", { hasText: "DDP" }).locator(".tile-value", { hasText: "×" }).waitFor();
        await window.page.screenshot({ path: join(screenshots, `timeline-${theme}.png`) });
      });
    }
  });
});
