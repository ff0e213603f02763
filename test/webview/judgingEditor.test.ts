import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { FrameLocator } from "playwright-core";
import { formatDocument } from "../../src/formats/document";
import type { Plan } from "../../src/model/plan";
import { predictedFigures } from "../../src/plan/predict";
import { contextOf } from "../../src/simulate/context";
import type { openWindow, Window } from "../tools/vscode/window.mjs";
import { clusterOf, planOf, profile } from "./documents";

const cluster = clusterOf(2);
const context = contextOf(profile, cluster);

describe("judging a plan in VS Code", function () {
  this.timeout(120_000);
  let workspace: string;
  let window: Window | undefined;
  let frame: FrameLocator;
  const file = () => join(workspace, "a.pipeplan.json");
  const page = () => {
    assert.ok(window);
    return window.page;
  };
  const tile = (label: string) => frame.locator(".tile", { has: frame.locator(".tile-label", { hasText: label }) }).locator(".tile-value");
  const press = (name: string) => frame.locator(".judge-bar vscode-button", { hasText: name }).click();
  const isDirty = async () => (await page().locator(".tab.dirty").count()) > 0;
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 30_000; Date.now() < end; await page().waitForTimeout(50)) if (await holds()) return;
    assert.fail(`did not come about: ${what}`);
  }

  before(async () => {
    workspace = await mkdtemp(join(tmpdir(), "diffusionpipe-judging-"));
    const written = (plan: Plan) => formatDocument({ "own key": 1.5, ...plan, predicted: predictedFigures(plan, context) });
    await writeFile(join(workspace, "small.profile.json"), formatDocument(profile));
    await writeFile(join(workspace, "small.cluster.json"), formatDocument(cluster));
    await writeFile(file(), written({ ...planOf(2, 4), recompute: true }));
    await writeFile(join(workspace, "b.pipeplan.json"), written(planOf(2, 2)));
    const harness = (await import(pathToFileURL(resolve("test/tools/vscode/window.mjs")).href)) as { openWindow: typeof openWindow };
    window = await harness.openWindow({ version: process.env.DIFFUSIONPIPE_VSCODE === "oldest" ? "oldest" : "newest", workspace, extensionPath: resolve("."), installed: true, theme: "dark", settings: { "files.autoSave": "off" } });
    window.page.on("dialog", (dialog) => void dialog.accept());
    frame = window.page.frameLocator("iframe.webview.ready").frameLocator("#active-frame");
    // Once the extension is known, plans open as timelines.
    await window.page.locator(".activitybar").getByRole("tab", { name: "DiffusionPipe" }).waitFor();
    await window.page.getByRole("treeitem", { name: "a.pipeplan.json" }).dblclick();
    await frame.locator(".boundary").waitFor({ state: "attached", timeout: 60_000 });
  });
  after(async () => {
    await window?.close();
    await rm(workspace, { recursive: true, force: true });
  });

  it("works out the bound, and says why the plan is slow", async () => {
    await until("the bound", async () => /^\+/.test(await tile("Gap to bound").innerText()));
    await press("Why is this slow?");
    await frame.locator(".judge-verdict", { hasText: "bound by" }).waitFor();
    await press("Why is this slow?");
  });

  it("lays another plan of the workspace beside this one", async () => {
    await press("Compare with …");
    await frame.getByText("Another plan …").click();
    await page().locator(".quick-input-list .monaco-list-row", { hasText: "b.pipeplan.json" }).first().click();
    await frame.locator(".judge-verdict", { hasText: "b.pipeplan.json takes" }).waitFor();
    await press("Compare with …");
    assert.equal(await frame.locator(".flag-other").count(), 0);
  });

  it("searches alternatives in a worker, and one undo takes back the one that was used", async () => {
    const before = await readFile(file(), "utf8");
    await press("Search alternatives");
    await frame.locator(".ranked").first().waitFor({ timeout: 60_000 });
    await frame.getByText("Use this plan").click();
    await until("the document changed", isDirty);
    await until("it is the planner's best", async () => /^[+−]0\.0 %$/.test(await tile("Planner’s best").innerText()));
    await until("it is held against the saved plan", async () => /^−/.test(await tile("Last save").innerText()));
    await page().keyboard.press("Control+s");
    await until("saved", async () => !(await isDirty()));
    const after = JSON.parse(await readFile(file(), "utf8")) as Plan & { "own key"?: number };
    assert.equal(after["own key"], 1.5);
    assert.deepEqual(after.predicted, predictedFigures(after, context));
    await until("nothing is unsaved", async () => (await tile("Last save").innerText()) === "–");
    await frame.locator(".boundary").first().focus();
    await page().keyboard.press("Control+z");
    await until("undone", isDirty);
    await page().keyboard.press("Control+s");
    await until("saved again", async () => !(await isDirty()));
    assert.equal(await readFile(file(), "utf8"), before);
  });
});
