/** The timeline among VS Code's other things: split and beside its text, two plans, a read-only one, a diff, the model and its files. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { FrameLocator } from "playwright-core";
import { formatDocument } from "../../src/formats/document";
import { predictedFigures } from "../../src/plan/predict";
import { contextOf } from "../../src/simulate/context";
import type { openWindow, Window } from "../tools/vscode/window.mjs";
import { clusterOf, planOf, profile } from "./documents";
import { Workbench } from "./workbench";

const cluster = clusterOf(2);
const screenshots = "out/screenshots";

describe("the timeline among other editors in VS Code", function () {
  this.timeout(180_000);
  let workspace: string;
  let window: Window | undefined;
  let bench: Workbench;
  const file = (name: string) => join(workspace, `${name}.pipeplan.json`);
  const textOf = () => {
    const plan = planOf(2, 4);
    return formatDocument({ ...plan, predicted: predictedFigures(plan, contextOf(profile, cluster)) });
  };

  before(async () => {
    workspace = await mkdtemp(join(tmpdir(), "diffusionpipe-living-"));
    await cp("media/sample/model", join(workspace, "model"), { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
    await writeFile(join(workspace, "small.profile.json"), formatDocument(profile));
    await writeFile(join(workspace, "small.cluster.json"), formatDocument(cluster));
    for (const name of ["a", "b", "locked"]) await writeFile(file(name), textOf());
    await chmod(file("locked"), 0o444);
    const git = (...args: string[]) => execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", ...args], { cwd: workspace, stdio: "ignore" });
    git("init");
    git("add", ".");
    git("commit", "-m", "plans");
    await mkdir(screenshots, { recursive: true });
    const harness = (await import(pathToFileURL(resolve("test/tools/vscode/window.mjs")).href)) as { openWindow: typeof openWindow };
    window = await harness.openWindow({ version: process.env.DIFFUSIONPIPE_VSCODE === "oldest" ? "oldest" : "newest", workspace, extensionPath: resolve("."), installed: true, theme: "dark", viewport: { width: 1700, height: 950 }, settings: { "files.autoSave": "off", "git.openRepositoryInParentFolders": "never", "editor.minimap.enabled": false } });
    bench = new Workbench(window.page);
    window.page.on("dialog", (dialog) => void dialog.accept());
    // Waits until the extension has started.
    await bench.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).click();
    await bench.page.getByRole("treeitem", { name: /^model/ }).first().waitFor({ timeout: 40_000 });
  });
  after(async () => {
    await window?.close();
    await rm(workspace, { recursive: true, force: true });
  });
  beforeEach(() => bench.command("View: Close All Editors"));
  afterEach(async function () {
    if (this.currentTest?.state === "failed" && window) await bench.page.screenshot({ path: join(screenshots, "living-failed.png") });
    await revertAll();
  });

  /** The inside of the nth visible view, from the left. */
  const view = (index: number): FrameLocator => bench.page.frameLocator(`iframe.webview.ready >> nth=${index}`).frameLocator("#active-frame");
  const layer = async (index: number) => Number(await view(index).locator(".boundary").getAttribute("aria-valuenow", { timeout: 5000 }).catch(() => NaN));
  const layers = async () => {
    const count = await bench.page.locator("iframe.webview.ready").count();
    return Promise.all(Array.from({ length: count }, (_, index) => layer(index)));
  };
  const until = (what: string, holds: () => Promise<boolean>) => bench.until(what, holds, 40_000);
  /** Opens a plan's timeline in the group of editors that was used last. */
  async function show(name: string, views: number): Promise<void> {
    const tree = bench.page.locator(".pane", { has: bench.page.getByRole("button", { name: "Plans Section" }) });
    if (!(await tree.isVisible())) await bench.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).click();
    await tree.getByRole("treeitem", { name: new RegExp(`^${name},`) }).click();
    await until(`${views} timelines`, async () => (await layers()).filter((at) => at > 0).length === views);
  }
  async function moveBoundary(index: number, steps: number): Promise<void> {
    await view(index).locator(".boundary").focus();
    for (let i = 0; i < Math.abs(steps); i++) await bench.page.keyboard.press(steps > 0 ? "ArrowRight" : "ArrowLeft");
    await bench.page.keyboard.press("Enter");
  }
  async function revertAll(): Promise<void> {
    await bench.page.keyboard.press("Escape");
    for (let tries = 0; tries < 6 && (await bench.page.locator(".tab.dirty").count()) > 0; tries++) {
      await bench.page.locator(".tab.dirty").first().click({ timeout: 2000 }).catch(() => undefined); // it may have become clean
      await bench.command("File: Revert File");
      await bench.page.waitForTimeout(500);
    }
  }

  it("shows one plan in two editors: an edit in one is in both, and so is its undo", async () => {
    await show("a", 1);
    await bench.command("View: Split Editor Right");
    await until("two views", async () => (await layers()).join() === "18,18");
    await moveBoundary(0, 2);
    await until("both followed", async () => (await layers()).join() === "20,20");
    await moveBoundary(1, -3);
    await until("both followed the other", async () => (await layers()).join() === "17,17");
    await bench.page.screenshot({ path: join(screenshots, "living-split.png") });
    await bench.page.keyboard.press("Control+z");
    await until("undone in both", async () => (await layers()).join() === "20,20");
    await bench.page.keyboard.press("Control+z");
    await until("undone to the file", async () => (await layers()).join() === "18,18" && (await bench.page.locator(".tab.dirty").count()) === 0);
  });

  it("shows two plans at once, each by itself", async () => {
    await show("a", 1);
    await bench.command("View: Split Editor Right");
    await until("two views", async () => (await layers()).join() === "18,18");
    await show("b", 2);
    await bench.page.locator(".tab.active", { hasText: "b.pipeplan.json" }).waitFor();
    await moveBoundary(1, 4);
    await until("the second moved alone", async () => (await layers()).join() === "18,22");
    await until("one of them is not saved", async () => (await bench.page.locator(".tab.dirty").count()) === 1);
    assert.equal(await readFile(file("a"), "utf8"), await readFile(file("b"), "utf8"), "nothing was saved");
  });

  it("stays in step with its text both ways, also while that is broken", async () => {
    await show("a", 1);
    await bench.command("View: Split Editor Right");
    await until("two views", async () => (await layers()).join() === "18,18");
    await bench.command("View: Reopen Editor With...");
    await bench.page.locator(".quick-input-list .monaco-list-row", { hasText: "Text Editor" }).first().click();
    const text = bench.page.locator(".editor-instance .view-lines");
    await text.first().waitFor();
    const lines = (await readFile(file("a"), "utf8")).split("\n");
    /** Puts another number in place of one of two digits. */
    const type = async (line: number, number: string) => {
      await text.first().click();
      await bench.page.keyboard.press("Control+g");
      await bench.page.locator(".quick-input-widget input").first().fill(`:${line + 1}:${lines[line].search(/\d/) + 1}`);
      await bench.page.keyboard.press("Enter");
      await bench.page.keyboard.press("Shift+ArrowRight");
      await bench.page.keyboard.press("Shift+ArrowRight");
      await bench.page.keyboard.type(number);
    };
    const isOneLine = lines.find((line) => line.includes('"to": 18') && line.includes('"from"'));
    assert.equal(isOneLine, undefined, "numbers of two stages are on lines of their own");
    const [to, from] = [lines.findIndex((line) => /"to": 18/.test(line)), lines.findIndex((line) => /"from": 18/.test(line))];
    await type(to, "15");
    await view(0).locator(".notice-error").waitFor();
    assert.equal(await layer(0), 18, "the last good picture");
    assert.ok(await view(0).locator("body.outdated").count());
    await type(from, "15");
    await until("mended and followed", async () => (await layer(0)) === 15 && (await view(0).locator(".notice-error").count()) === 0);
    await bench.page.keyboard.press("Control+z");
    await view(0).locator(".notice-error").waitFor();
    await bench.page.keyboard.press("Control+y");
    await until("redone", async () => (await layer(0)) === 15 && (await view(0).locator(".notice-error").count()) === 0);
    await moveBoundary(0, 1);
    await until("the text followed", async () => ((await text.first().textContent()) ?? "").replace(/\s/g, "").includes('"to":16'));
    await bench.page.screenshot({ path: join(screenshots, "living-beside.png") });
    await bench.page.keyboard.press("Control+z");
    await until("undone in both", async () => (await layer(0)) === 15 && ((await text.first().textContent()) ?? "").replace(/\s/g, "").includes('"to":15'));
  });

  it("has zoom, selection and search back after a reload", async () => {
    await show("a", 1);
    await view(0).locator(".plot").focus();
    for (const key of [".", ".", "w", "w", "w"]) await bench.page.keyboard.press(key);
    await bench.page.waitForTimeout(400);
    await bench.page.keyboard.press("/");
    await bench.page.keyboard.type("f2");
    const seen = async () => [await view(0).locator(".details-title").innerText(), await view(0).locator(".axis-ticks").textContent(), await view(0).locator(".find-count").innerText()].join("\n");
    await bench.page.waitForTimeout(400);
    const before = await seen();
    assert.match(before, /4 found/);
    await bench.page.waitForTimeout(7000); // VS Code in a browser writes its state every five seconds
    await bench.page.reload();
    await view(0).locator(".boundary").waitFor({ state: "attached", timeout: 60_000 });
    await until("as it was", async () => (await layer(0)) === 18 && (await seen()) === before);
  });

  it("leaves a read-only file alone", async () => {
    await show("locked", 1);
    await view(0).locator('.boundary[aria-disabled="true"]').waitFor({ state: "attached" });
    await moveBoundary(0, 2);
    assert.equal(await layer(0), 18);
    assert.equal(await bench.page.locator(".tab.dirty").count(), 0);
  });

  it("opens a git diff of a plan", async () => {
    await writeFile(file("b"), (await readFile(file("b"), "utf8")).replace(/"to": 18/, '"to": 14').replace(/"from": 18/, '"from": 14'));
    await bench.page.locator(".activitybar").getByRole("tab", { name: /Source Control/ }).click();
    await bench.page.mouse.move(900, 700); // its tip would lie over the list
    const isShown = async () => (await layers()).sort().join() === "14,18" || (await bench.page.locator(".monaco-diff-editor .view-line", { hasText: '"to"' }).count()) > 0;
    // Views that VS Code's server opens at once share an origin, and one of them may wait for its service worker without end
    // (not on the desktop, where each has an origin of its own): then they are opened again.
    for (let tries = 3; ; tries--) {
      await bench.page.locator(".scm-view .monaco-list-row", { hasText: "b.pipeplan.json" }).first().click({ timeout: 30_000 });
      await bench.page.locator(".tab", { hasText: "b.pipeplan.json" }).first().waitFor();
      try {
        await until("two timelines, or the text", isShown);
        break;
      } catch (error) {
        const isWaiting = await Promise.all(bench.page.frames().filter((frame) => frame.url().includes("/webview/browser/pre/")).map((frame) => frame.evaluate(() => !navigator.serviceWorker.controller?.scriptURL.includes(new URLSearchParams(location.search).get("id") ?? ""))));
        if (tries === 1 || !isWaiting.includes(true)) throw error;
        await bench.command("View: Close All Editors");
      }
    }
    await bench.page.screenshot({ path: join(screenshots, "living-diff.png") });
    const errors = await bench.page.locator(".monaco-editor-overlaymessage, .editor-placeholder-container").count();
    assert.equal(errors, 0);
    const shown = await layers();
    for (const [index, at] of shown.entries()) assert.equal(await view(index).locator('.boundary[aria-disabled="true"]').count(), at === 18 ? 1 : 0, "what git holds cannot be changed, the file can");
    await writeFile(file("b"), textOf());
  });

  it("goes from a slice to its layer in the model and to its configuration, and back", async () => {
    await show("a", 1);
    await view(0).locator(".plot").focus();
    await bench.page.keyboard.press("/");
    await bench.page.keyboard.type('"text_encoder/embeddings"');
    await bench.page.keyboard.press("Enter");
    await view(0).getByText("Show in Model").click();
    await bench.view.locator('.row.active:has(.name[title="embeddings"])').waitFor({ timeout: 30_000 });
    await bench.view.getByText("Show in Timeline").click();
    await bench.view.locator(".find-count", { hasText: /^1 of/ }).waitFor();
    assert.match(await view(0).locator(".details").innerText(), /text_encoder/);
    await view(0).getByText("Open Configuration").click();
    await bench.page.locator(".tab.active", { hasText: "config.json" }).waitFor();
    await bench.page.locator(".codelens-decoration a", { hasText: "Show in Timeline" }).first().click();
    await bench.page.locator(".tab.active", { hasText: "a.pipeplan.json" }).waitFor();
    await until("the component is searched for", async () => (await bench.view.locator(".find vscode-text-field").evaluate((node) => (node as HTMLElement & { readonly value: string }).value)) === '"text_encoder"');
  });
});
