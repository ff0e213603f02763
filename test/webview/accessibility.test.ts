/** The timeline for those who cannot see it well, or at all, or who do not use a pointer. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { moveBoundary } from "../../src/plan/edits";
import { clusterOf, planOf, profile } from "./documents";
import { launchBrowser, openView, twoFrames, type ViewPage } from "./page/page";
import { openPlanPage } from "./page/planPage";
import { themes, type PageTheme } from "./page/themes";

interface AxeResults {
  readonly violations: readonly { readonly id: string; readonly help: string; readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[] }[];
}

const axe = () => readFileSync(createRequire(join(process.cwd(), "package.json")).resolve("axe-core/axe.min.js"), "utf8");

describe("the timeline's accessibility", function () {
  this.timeout(120_000);
  let browser: Browser;
  let view: ViewPage;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(() => view.close());

  async function showPlan(options: Parameters<typeof openView>[1] = {}, microbatches = 4): Promise<void> {
    view = await openPlanPage(browser, { ...options, plan: planOf(2, microbatches), notices: ["The profile has changed."] });
    await view.send({ type: "baselines", version: 7, baselines: [{ title: "DDP", periodMs: 100, note: "" }, { title: "GPipe", periodMs: 1e6, note: "" }] });
  }
  const press = (key: string) => view.page.keyboard.press(key);

  /** Fails with what axe-core finds. */
  async function check(what: string): Promise<void> {
    if (await view.page.evaluate(() => !("axe" in window))) await view.page.evaluate(axe());
    await twoFrames(view);
    const { violations } = await view.page.evaluate(() => (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run());
    assert.deepEqual(violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.html}\n  ${node.failureSummary ?? ""}`).join("\n")}`), [], what);
  }

  for (const theme of Object.keys(themes) as PageTheme[]) {
    it(`has nothing that axe-core objects to in ${theme}`, async () => {
      await showPlan({ theme });
      await check("overview");
      await view.page.locator(".boundary").focus();
      await press("ArrowRight");
      await check("a boundary being tried");
      await press("Escape");
      await press("/");
      await view.page.keyboard.type("f1");
      await press("Enter");
      await check("a slice and the search");
      await view.send({ type: "problem", version: 8, kind: "text", problem: { message: "Too many.", file: "a.pipeplan.json", field: "batch.global" } });
      await view.page.locator(".notice-error").waitFor();
      await check("broken text");
      await press("Escape");
      await press("?");
      await check("the list of keys");
      await view.close();
      view = await openView(browser, { theme });
      await check("waiting");
      await view.send({ type: "problem", version: 1, kind: "inputs", problem: { message: "The file does not exist.", file: "x.profile.json", hint: "Run Profile Layers." } });
      await view.page.locator(".placeholder h2").waitFor();
      await check("nothing to show");
    });
  }

  it("is a grid of lanes and slices: as many as there are, those about the selected one at hand", async () => {
    await showPlan({}, 40);
    const grid = view.page.locator('[role="grid"]');
    const number = async (name: string) => Number(await grid.getAttribute(name));
    assert.equal(await number("aria-rowcount"), 4);
    const columns = await number("aria-colcount");
    assert.ok(columns > 160, `${columns}: two iterations of 40 forward and backward passes, and a column of names`);
    assert.deepEqual(await grid.locator('[role="rowheader"]').allTextContents(), ["Device 0, predicted computing", "Device 0, predicted communication", "Device 1, predicted computing", "Device 1, predicted communication"]);
    await press("/");
    await view.page.keyboard.type("b39 device 1");
    await press("Enter");
    await press("Escape");
    const active = await view.page.evaluate(() => {
      const owner = document.querySelector('[role="grid"]');
      const cell = document.getElementById(owner?.getAttribute("aria-activedescendant") ?? "");
      const row = cell?.closest('[role="row"]');
      return { text: cell?.textContent, column: Number(cell?.getAttribute("aria-colindex")), row: row?.getAttribute("aria-rowindex"), cells: row?.querySelectorAll('[role="gridcell"]').length, selected: document.querySelectorAll('[aria-selected="true"]').length };
    });
    assert.match(active.text ?? "", /^Backward, micro-batch 39, stage 1, device 1, [\d.]+ ms from [\d.]+ m?s$/);
    assert.equal(active.row, "3");
    assert.equal(active.cells, 41);
    assert.equal(active.selected, 1);
    await press("ArrowRight");
    const next = await view.page.evaluate(() => Number(document.getElementById("active-slice")?.getAttribute("aria-colindex")));
    assert.ok(next > active.column && next <= columns);
  });

  it("says what is selected, and every change of the period", async () => {
    await showPlan();
    const said = () => view.page.locator('.visually-hidden[role="status"]').textContent();
    await view.page.locator(".plot").focus();
    await press(".");
    assert.match((await said()) ?? "", /^Forward, micro-batch 0, stage 0, device 0/);
    await view.send({ type: "plan", version: 8, name: "a", plan: moveBoundary(planOf(2, 4), "unet", 0, 12), readOnly: false, notices: [] });
    await view.page.waitForFunction(() => /^Period [\d.\u202f]+ m?s, [+−][\d.]+ %$/.test(document.querySelector('.visually-hidden[role="status"]')?.textContent ?? ""));
    await view.page.locator(".boundary").focus();
    await press("ArrowRight");
    assert.match((await said()) ?? "", /^Boundary 0 \| 1 before layer 13, .*: period [\d.\u202f]+ m?s/);
    await press("Escape");
    assert.match((await said()) ?? "", /^Period [\d.\u202f]+ m?s/, "what was tried is taken back");
  });

  for (const theme of Object.keys(themes) as PageTheme[]) {
    it(`shows where the focus is in ${theme}`, async () => {
      await showPlan({ theme });
      await press("/");
      await view.page.keyboard.type("f1");
      await press("Enter");
      await press("Escape");
      await view.page.evaluate(() => (document.activeElement as HTMLElement).blur());
      const seen: string[] = [];
      for (let i = 0; i < 70; i++) {
        await press("Tab");
        const focus = await view.page.evaluate(() => {
          let node = document.activeElement;
          while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
          if (!node || node === document.body) return undefined;
          const { outlineStyle, outlineWidth, boxShadow, borderColor, borderWidth } = getComputedStyle(node);
          const root = getComputedStyle(document.documentElement).getPropertyValue("--vscode-focusBorder").trim();
          const probe = document.createElement("i");
          probe.style.color = root;
          document.body.append(probe);
          const colour = getComputedStyle(probe).color;
          probe.remove();
          const isVisible = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow.includes(colour) || (borderColor.includes(colour) && parseFloat(borderWidth) > 0);
          return { name: (node.getAttribute("aria-label") ?? node.textContent ?? node.tagName).slice(0, 40), isVisible };
        });
        if (!focus) continue; // round the end of the page
        assert.ok(focus.isVisible, `${focus.name}: no focus to be seen`);
        seen.push(focus.name);
      }
      assert.ok(seen.length > 8, seen.join("; "));
      assert.ok(seen.some((name) => name.startsWith("Lanes and slices")) && seen.some((name) => name.startsWith("Boundary")), seen.join("; "));
    });
  }

  it("is usable at 200 % zoom: nothing is cut off or lies over something else", async () => {
    await showPlan({ width: 640, height: 400 });
    await press("/");
    await view.page.keyboard.type("f1");
    await press("Enter");
    const found = await view.page.evaluate(() => {
      const width = document.documentElement.clientWidth;
      const shown = [...document.querySelectorAll<HTMLElement>("vscode-button, vscode-text-field, vscode-checkbox, .jump, .tile, .notice, .find-count, .details-title, dd, dt")].filter((node) => node.checkVisibility());
      const name = (node: Element) => `${node.tagName}.${node.className} ${(node.getAttribute("aria-label") ?? node.textContent ?? "").slice(0, 40)}`;
      const boxes = shown.map((node) => ({ node, box: node.getBoundingClientRect() }));
      const outside = boxes.filter(({ box }) => box.left < -0.5 || box.right > width + 0.5).map(({ node }) => name(node));
      const cut = shown.filter((node) => node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflow !== "visible" && node.clientWidth > 0).map(name);
      const over = boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => !a.node.contains(b.node) && !b.node.contains(a.node) && a.box.left < b.box.right - 1 && b.box.left < a.box.right - 1 && a.box.top < b.box.bottom - 1 && b.box.top < a.box.bottom - 1).map((b) => `${name(a.node)} / ${name(b.node)}`));
      return { outside, cut, over, scrolls: document.querySelector(".page")?.scrollWidth, width };
    });
    assert.deepEqual({ outside: found.outside, cut: found.cut, over: found.over }, { outside: [], cut: [], over: [] });
    assert.ok((found.scrolls ?? 0) <= found.width, "no scrolling sideways");
    // What is further down can be come to.
    await view.page.locator(".jump").last().scrollIntoViewIfNeeded();
    assert.ok(await view.page.locator(".jump").last().isVisible());
    await view.page.keyboard.press("Escape");
    await press("?");
    const box = await view.page.locator("dialog.keys").boundingBox();
    assert.ok(box && box.y >= 0 && box.y + box.height <= 400 && box.x >= 0 && box.x + box.width <= 640, "the list of keys fits");
  });

  it("does not move what the user wants still", async () => {
    view = await openView(browser);
    await view.page.emulateMedia({ reducedMotion: "reduce" });
    await view.send({ type: "inputs", profile, cluster: clusterOf(2) });
    await view.send({ type: "plan", version: 7, name: "a", plan: planOf(2, 4), readOnly: false, notices: ["The profile has changed."] });
    await view.page.locator(".boundary").waitFor();
    assert.equal(await view.page.evaluate(() => document.getAnimations().length), 0);
    const domain = await view.page.evaluate(() => {
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "w" }));
      return (window as unknown as { viewState?: { domain?: readonly number[] } }).viewState?.domain;
    });
    assert.ok(domain, "it is there at once");
  });
});
