import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { syntheticCluster, syntheticProfile } from "../bench/syntheticProfile";
import { evenPlan } from "../bench/timelinePlan";
import { clusterOf, planOf, profile } from "./documents";
import { launchBrowser, openView, twoFrames, type ViewPage } from "./page/page";
import { openPlanPage } from "./page/planPage";

describe("what is laid over the timeline", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ViewPage;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    const errors = view.said.filter((message) => message.type === "log");
    await view.close();
    assert.deepEqual(errors, []);
  });

  async function showPlan(options: Parameters<typeof openView>[1] = {}): Promise<void> {
    view = await openPlanPage(browser, options);
  }
  const box = async (selector: string) => {
    const found = await view.page.locator(selector).boundingBox();
    assert.ok(found);
    return found;
  };
  const clickLane = async (share: number) => {
    const { x, y, width } = await box(".plot");
    await view.page.mouse.click(x + width * share, y + 20);
  };
  const drag = async (selector: string, from: number, to: number, y = 0.4) => {
    const { x, y: top, width, height } = await box(selector);
    await view.page.mouse.move(x + width * from, top + height * y);
    await view.page.mouse.down();
    await view.page.mouse.move(x + width * to, top + height * y, { steps: 6 });
    await view.page.mouse.up();
  };
  /** The part of time in view, as the overview's slider says it. */
  const seen = async () => {
    await twoFrames(view);
    return view.page.locator(".minimap").getAttribute("aria-valuetext");
  };
  /** From and to in ms. */
  const seenMs = async () => {
    await twoFrames(view);
    const { domain } = await view.page.evaluate(() => (window as unknown as { readonly viewState: { readonly domain?: readonly [number, number] } }).viewState);
    assert.ok(domain, "all of time is in view");
    return domain;
  };
  const key = (name: string) => view.page.keyboard.press(name);
  const still = () => view.page.emulateMedia({ reducedMotion: "reduce" });
  const pixels = () => view.page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());

  it("draws the dependencies of the selection, solid in and dashed out, and says how many", async () => {
    await showPlan();
    await clickLane(0.03);
    await twoFrames(view);
    assert.equal(await view.page.locator(".flow-into").count(), 0, "the first pass shown waits for nothing shown");
    assert.ok((await view.page.locator(".flow-out").count()) > 0);
    await key(".");
    await twoFrames(view);
    const [into, out] = [await view.page.locator(".flow-into").count(), await view.page.locator(".flow-out").count()];
    assert.ok(into > 0);
    assert.match(await view.page.locator(".details").innerText(), new RegExp(`${into} operations? it waited for \\(solid\\), ${out} that waited for it \\(dashed\\)`));
    await key("Escape");
    await twoFrames(view);
    assert.equal(await view.page.locator(".flow").count(), 0);
  });

  it("outlines the critical path by key or by its box, and says what it consists of", async () => {
    await showPlan();
    await twoFrames(view);
    const plain = await pixels();
    await key("c");
    await twoFrames(view);
    assert.notEqual(await pixels(), plain);
    const shares = [...(await view.page.locator(".critical-panel .facts").innerText()).matchAll(/([\d.]+) %/g)].map(([, share]) => Number(share));
    assert.equal(shares.length, 3);
    assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 100) < 0.3);
    assert.ok(shares[0] > 20, "most of a pipeline's period is computing");
    const state = await view.page.evaluate(() => (window as unknown as { viewState: unknown }).viewState);
    await view.close();
    await showPlan({ state });
    await view.page.locator(".critical-panel").waitFor();
    await view.page.locator("vscode-checkbox", { hasText: "Critical path" }).click();
    await twoFrames(view);
    assert.equal(await view.page.locator(".critical-panel").count(), 0);
    assert.equal(await pixels(), plain);
  });

  it("shows the part in view in the overview, which is drawn out, moved and resized by pointer", async () => {
    await showPlan();
    assert.equal(await seen(), "everything");
    await drag(".minimap", 0.25, 0.5);
    const [from, to] = await seenMs();
    assert.ok(to > from);
    await drag(".minimap", 0.4, 0.6);
    const [laterFrom, laterTo] = await seenMs();
    assert.ok(laterFrom > from && Math.abs(laterTo - laterFrom - (to - from)) < 0.02 * (to - from), "moved as a whole");
    await drag(".minimap", 0.7, 0.8);
    const [sameFrom, widerTo] = await seenMs();
    assert.ok(Math.abs(sameFrom - laterFrom) < 0.02 * (to - from) && widerTo > laterTo, "one end was taken along");
    await drag(".minimap", 0, 1);
    await key("f");
    await view.page.waitForFunction(() => document.querySelector(".minimap")?.getAttribute("aria-valuetext") === "everything");
  });

  it("moves and resizes the part in view by key on the overview's slider", async () => {
    await showPlan();
    await still();
    await drag(".minimap", 0.4, 0.6);
    const [from, to] = await seenMs();
    await view.page.locator(".minimap").focus();
    await key("ArrowRight");
    const [later] = await seenMs();
    assert.ok(Math.abs(later - from - 0.1 * (to - from)) < 0.02 * (to - from));
    await key("ArrowUp");
    const [nearFrom, nearTo] = await seenMs();
    assert.ok(nearTo - nearFrom < 0.85 * (to - from));
    await key("Home");
    const [first] = await seenMs();
    const least = Number(await view.page.locator(".minimap").getAttribute("aria-valuemin"));
    assert.ok(Math.abs(first - least) < 1 + 0.01 * (to - from));
    assert.match(await view.page.locator(".details-title").innerText(), /Devices/, "arrow keys there do not walk the slices");
  });

  it("gives figures of a range that is dragged out on the axis", async () => {
    await showPlan();
    await drag(".axis", 0.2, 0.5);
    const panel = view.page.locator(".range-panel");
    await panel.waitFor();
    const cells = await panel.locator("table").first().locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? "")));
    const shares = cells.map((row) => row.flatMap((cell) => /^([\d.]+) %/.exec(cell.trim())?.[1] ?? []).map(Number));
    assert.equal(shares.length, 3, "two devices and all");
    for (const row of shares) assert.ok(Math.abs(row.reduce((sum, share) => sum + share, 0) - 100) < 0.3, `${row.join()} is all of the time`);
    assert.match(await panel.innerText(), /Forward\s+\d+\s+[\d.]+ m?s/);
    assert.ok(await view.page.locator(".range-band").isVisible());
    const text = await panel.locator(".range-longest li").first().innerText();
    await panel.locator(".range-longest button").first().click();
    assert.ok(text.startsWith(await view.page.locator(".details-title").first().innerText().then((title) => title.replace(/^\S\n/, ""))));
    await key("Escape");
    await twoFrames(view);
    assert.equal(await panel.count(), 0);
    assert.ok(await view.page.locator(".selection-outline").isVisible(), "Esc takes the range away first");
  });

  it("sets the ends of a range by key, keeps it while zooming and after a reload", async () => {
    await showPlan();
    await key("[");
    assert.match((await view.page.locator('[role="status"].visually-hidden').textContent()) ?? "", /Select a slice first/);
    await clickLane(0.03);
    await key("[");
    await key(".");
    await key("]");
    await twoFrames(view);
    const text = await view.page.locator(".range-panel .hint").innerText();
    assert.match(text, /^[\d.]+ [mµ]s to [\d.]+ ms$/);
    await key("w");
    await view.page.waitForTimeout(300);
    assert.equal(await view.page.locator(".range-panel .hint").innerText(), text);
    const state = await view.page.evaluate(() => (window as unknown as { viewState: unknown }).viewState);
    await view.close();
    await showPlan({ state });
    await twoFrames(view);
    assert.equal(await view.page.locator(".range-panel .hint").innerText(), text);
  });

  it("pans with a plain, a sideways and a Shift wheel, zooms with Ctrl at the pointer, and leaves the wheel to lanes that overflow", async () => {
    await showPlan();
    await still();
    const { x, y, width } = await box(".plot");
    await view.page.mouse.move(x + width / 4, y + 20);
    await view.page.keyboard.down("Control");
    await view.page.mouse.wheel(0, -300);
    await view.page.keyboard.up("Control");
    const [from, to] = await seenMs();
    const [least, most] = await Promise.all(["aria-valuemin", "aria-valuemax"].map(async (name) => Number(await view.page.locator(".minimap").getAttribute(name))));
    const pointed = least + (most - least) / 4;
    assert.ok(Math.abs((pointed - from) / (to - from) - 0.25) < 0.02, "what was under the pointer still is");
    const moves: [() => Promise<void>, string][] = [
      [() => view.page.mouse.wheel(0, 60), "plain"],
      [() => view.page.mouse.wheel(60, 0), "sideways"],
      [async () => {
        await view.page.keyboard.down("Shift");
        await view.page.mouse.wheel(0, 60);
        await view.page.keyboard.up("Shift");
      }, "Shift"],
    ];
    let before = from;
    for (const [move, name] of moves) {
      await move();
      await view.page.waitForTimeout(50);
      const [after] = await seenMs();
      assert.ok(after > before, `${name} wheel pans`);
      before = after;
    }
    await view.page.setViewportSize({ width: 1440, height: 420 });
    await view.send({ type: "inputs", profile, cluster: clusterOf(8) });
    await view.send({ type: "plan", version: 99, name: "a", plan: planOf(8, 4), readOnly: false, notices: [] });
    await view.page.locator(".gutter-device").nth(7).waitFor({ state: "attached" });
    await view.page.locator(".plot").scrollIntoViewIfNeeded();
    await still();
    [before] = await seenMs();
    await view.page.mouse.move(x + width / 4, (await box(".plot")).y + 30);
    await view.page.mouse.wheel(0, 60);
    await view.page.waitForFunction(() => (document.querySelector(".lanes")?.scrollTop ?? 0) > 0);
    assert.ok(Math.abs((await seenMs())[0] - before) < 1e-6, "time stays");
  });

  it("moves at once where less motion is asked for", async () => {
    await showPlan();
    await still();
    const states = () => view.page.evaluate(async () => {
      const read = () => document.querySelector(".minimap")?.getAttribute("aria-valuetext");
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "w" }));
      const texts: (string | null | undefined)[] = [];
      for (let frame = 0; frame < 20; frame++) {
        await new Promise(requestAnimationFrame);
        texts.push(read());
      }
      return [...new Set(texts)];
    });
    assert.equal((await states()).length, 1);
    await view.page.emulateMedia({ reducedMotion: "no-preference" });
    assert.ok((await states()).length > 1, "and animates where it is not");
  });

  it("opens, zooms and selects among 100,000 slices", async function () {
    this.timeout(120_000);
    view = await openView(browser, { width: 1920, height: 1080 });
    const synthetic = syntheticProfile();
    await view.send({ type: "inputs", profile: synthetic, cluster: syntheticCluster(16) });
    await view.send({ type: "plan", version: 1, name: "wide", plan: evenPlan(synthetic, 16, 300), readOnly: false, notices: [] });
    await view.page.locator(".boundary").first().waitFor({ timeout: 60_000 });
    await still();
    assert.equal(await seen(), "everything");
    assert.ok(Number(await view.page.locator('[role="grid"]').getAttribute("aria-colcount")) > 1000);
    // Across the second device, which is busy nearly all the time.
    const colours = () => view.page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement) => {
      const data = canvas.getContext("2d")?.getImageData(0, 78, canvas.width, 1).data ?? new Uint8ClampedArray();
      return [...new Set(Array.from({ length: data.length / 4 }, (_, pixel) => data.slice(4 * pixel, 4 * pixel + 3).join()))];
    });
    const [forward, backward] = ["55,148,255", "137,209,133"];
    const whole = await colours();
    assert.ok(whole.includes(backward), `slices narrower than a pixel have a kind's very colour: ${whole.join(" ")}`);
    const { x, y, width } = await box(".plot");
    await view.page.mouse.move(x + width / 2, y + 20);
    await view.page.keyboard.down("Control");
    for (let turn = 0; turn < 25; turn++) await view.page.mouse.wheel(0, -100);
    await view.page.keyboard.up("Control");
    await view.page.waitForTimeout(200);
    const [from, to] = await seenMs();
    assert.ok(to - from < 1000);
    const near = await colours();
    assert.ok(near.includes(forward) || near.includes(backward), `so have those that are wide: ${near.join(" ")}`);
    await view.page.mouse.click(x + width / 2, y + 10);
    const facts = () => view.page.locator(".details .facts").first().innerText();
    const first = await facts();
    assert.match(first, /Device\s+0/);
    await key(".");
    assert.notEqual(await facts(), first);
    await key("c");
    await key("[");
    await twoFrames(view);
    assert.ok(await view.page.locator(".critical-panel").isVisible());
    assert.ok((await view.page.locator('[role="grid"] *').count()) < 1500, "the grid holds a window, not every slice");
  });
});
