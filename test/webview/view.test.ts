import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import type { ViewMessage } from "../../src/protocol/messages";
import { planOf } from "./documents";
import { launchBrowser, openView, type ViewPage } from "./page/page";
import { openPlanPage } from "./page/planPage";
import { moveBoundary } from "../../src/plan/edits";

describe("the timeline view in a browser", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ViewPage;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(() => view.close());

  async function showPlan(options: Parameters<typeof openView>[1] = {}): Promise<void> {
    view = await openPlanPage(browser, options);
  }
  const edits = () => view.said.filter((message): message is Extract<ViewMessage, { type: "edit" }> => message.type === "edit");
  /** What the view says comes a moment after it was said. */
  const saidUntil = async (holds: () => boolean) => {
    for (const end = Date.now() + 5000; !holds() && Date.now() < end; ) await view.page.waitForTimeout(10);
  };
  const errors = () => view.said.filter((message) => message.type === "log");
  const tile = (label: string) => view.page.locator(".tile", { hasText: label }).locator(".tile-value").innerText();
  const title = () => view.page.locator(".details-title").innerText();
  const boundary = () => view.page.locator(".boundary").getAttribute("aria-valuenow").then(Number);
  /** The name of the slice under the middle of device 0's first lane at a share of the width. */
  const clickLane = async (share: number) => {
    const box = await view.page.locator(".plot").boundingBox();
    assert.ok(box);
    await view.page.mouse.click(box.x + box.width * share, box.y + 20);
  };

  it("waits visibly, then shows figures, lanes and the strip, without breaking its content security policy", async () => {
    view = await openView(browser);
    assert.ok(await view.page.getByText("Reading the plan").isVisible());
    await view.close();
    await showPlan();
    assert.match(await tile("Period"), /^[\d\u202f.]+ m?s$/);
    assert.equal(await tile("DDP"), "…");
    assert.equal(await view.page.locator(".layer").count(), 35);
    assert.equal(await view.page.locator('[role="grid"] [role="row"]').count(), 4);
    const painted = await view.page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement) => new Set(canvas.getContext("2d")?.getImageData(0, 0, canvas.width, 20).data).size);
    assert.ok(painted > 10, "the canvas is blank");
    assert.deepEqual(errors(), []);
  });

  it("says plainly when a baseline wins", async () => {
    await showPlan();
    await view.send({ type: "baselines", version: 7, baselines: [{ title: "DDP", periodMs: 100, note: "" }, { title: "GPipe", periodMs: 1e6, note: "" }, { title: "1F1B, no filling", note: "does not fit" }] });
    assert.ok(await view.page.locator(".tile", { hasText: "DDP" }).getByText("is faster: 100.0 ms").isVisible());
    assert.match(await tile("GPipe"), /^\d{3}\.\d\d×$/);
    assert.equal(await tile("1F1B"), "–");
    await view.send({ type: "baselines", version: 6, baselines: [] });
    assert.match(await tile("GPipe"), /×$/, "figures of another version are not shown");
  });

  it("re-simulates while a boundary is dragged, and asks for one edit when it is let go", async () => {
    await showPlan();
    const before = await tile("Period");
    const box = await view.page.locator(".boundary").boundingBox();
    assert.ok(box);
    await view.page.mouse.move(box.x + box.width / 2, box.y + 50);
    await view.page.mouse.down();
    await view.page.mouse.move(box.x + 200, box.y + 50, { steps: 8 });
    assert.notEqual(await tile("Period"), before);
    assert.match(await view.page.locator(".strip-caption").innerText(), /period .* \([+−]/);
    assert.deepEqual(edits(), [], "nothing is written before the pointer is up");
    const tried = await boundary();
    await view.page.mouse.up();
    await saidUntil(() => edits().length > 0);
    assert.deepEqual(edits().map((message) => message.edit), [{ kind: "moveBoundary", version: 7, chain: "unet", stage: 0, layer: tried }]);
    await view.send({ type: "reply", id: edits()[0].id });
    await view.send({ type: "plan", version: 8, name: "a", plan: moveBoundary(planOf(2, 4), "unet", 0, tried), readOnly: false, notices: [] });
    assert.equal(await boundary(), tried);
  });

  it("takes a refused edit back and says why", async () => {
    await showPlan();
    const before = await boundary();
    await view.page.locator(".boundary").focus();
    await view.page.keyboard.press("ArrowRight");
    await view.page.keyboard.press("Enter");
    await saidUntil(() => edits().length > 0);
    await view.send({ type: "reply", id: edits()[0].id, error: "The text has changed meanwhile." });
    await view.page.getByText("The text has changed meanwhile.").waitFor({ timeout: 10_000 });
    assert.equal(await boundary(), before);
  });

  it("moves a boundary by keyboard: arrows try, Enter keeps, Esc calls off", async () => {
    await showPlan();
    const before = await boundary();
    await view.page.locator(".boundary").focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight"]) await view.page.keyboard.press(key);
    assert.equal(await boundary(), before + 2);
    await view.page.keyboard.press("Escape");
    assert.equal(await boundary(), before);
    assert.deepEqual(edits(), []);
    await view.page.keyboard.press("ArrowLeft");
    await view.page.keyboard.press("Enter");
    await saidUntil(() => edits().length > 0);
    assert.deepEqual(edits().map(({ edit }) => edit.kind === "moveBoundary" && edit.layer), [before - 1]);
  });

  it("leaves a read-only plan alone", async () => {
    await showPlan();
    await view.send({ type: "plan", version: 8, name: "a", plan: planOf(2, 4), readOnly: true, notices: [] });
    await view.page.locator('.boundary[aria-disabled="true"]').waitFor();
    await view.page.locator(".decisions vscode-button[disabled]", { hasText: "Improve" }).waitFor(); // not as if the planner were at work
    await view.page.locator(".boundary").focus();
    await view.page.keyboard.press("ArrowRight");
    await view.page.keyboard.press("Enter");
    assert.deepEqual(edits(), []);
  });

  it("shows the details of a slice and walks along its lane", async () => {
    await showPlan();
    await clickLane(0.03);
    assert.match(await title(), /Forward/);
    assert.match(await view.page.locator(".details .facts").innerText(), /Micro-batch\s+0/);
    await view.page.keyboard.press(".");
    assert.match(await view.page.locator(".details .facts").innerText(), /Micro-batch\s+1/);
    await view.page.keyboard.press(".");
    assert.match(await title(), /Frozen work/);
    assert.match(await view.page.locator(".details .facts").innerText(), /the next/);
    assert.match((await view.page.locator('[role="grid"] [aria-selected="true"]').textContent()) ?? "", /Frozen work, vae, for the next iteration, device 0/);
    await view.page.keyboard.press("Escape");
    assert.match(await title(), /Devices/);
  });

  it("zooms at the pointer, pans, fits, and has its view back after a reload", async () => {
    await showPlan();
    const ticks = () => view.page.locator(".tick").allTextContents();
    const whole = await ticks();
    const box = await view.page.locator(".plot").boundingBox();
    assert.ok(box);
    await view.page.mouse.move(box.x + 300, box.y + 20);
    await view.page.keyboard.down("Control");
    await view.page.mouse.wheel(0, -500);
    await view.page.keyboard.up("Control");
    await view.page.waitForFunction((before) => document.querySelector(".axis-ticks")?.textContent !== before.join(""), whole);
    await clickLane(0.3);
    const [zoomed, selected] = [await ticks(), await title()];
    const state = await view.page.evaluate(() => (window as unknown as { viewState: unknown }).viewState);
    await view.close();
    await showPlan({ state });
    await view.page.waitForTimeout(100);
    assert.deepEqual([await ticks(), await title()], [zoomed, selected]);
    await view.page.keyboard.press("Escape");
    await view.page.keyboard.press("f");
    await view.page.waitForFunction((before) => document.querySelector(".axis-ticks")?.textContent === before.join(""), whole);
  });

  it("greys the last good picture while the text is broken, and names the place", async () => {
    await showPlan();
    await view.send({ type: "problem", version: 8, kind: "text", problem: { message: "Too many.", file: "a.pipeplan.json", field: "batch.global" } });
    assert.match(await view.page.locator(".notice-error").innerText(), /a\.pipeplan\.json · batch\.global\s+Too many\..*last good/s);
    assert.ok(await view.page.evaluate(() => document.body.classList.contains("outdated")));
    await view.page.getByText("Show in Text").click();
    await saidUntil(() => view.said.at(-1)?.type === "showText");
    assert.deepEqual(view.said.at(-1), { type: "showText", field: "batch.global" });
    await view.send({ type: "plan", version: 9, name: "a", plan: planOf(2, 4), readOnly: false, notices: ["The profile has changed."] });
    await view.page.getByText("The profile has changed.").waitFor();
    assert.equal(await view.page.locator(".notice").innerText(), "⚠\nThe profile has changed.");
  });

  it("says what to do where there is no picture at all", async () => {
    view = await openView(browser);
    await view.send({ type: "problem", version: 1, kind: "inputs", problem: { message: "The file does not exist.", file: "x.profile.json", hint: "Run Profile Layers." } });
    assert.match(await view.page.locator(".placeholder").innerText(), /missing.*x\.profile\.json.*does not exist.*Run Profile Layers/s);
  });

  it("logs what it does not understand and carries on", async () => {
    await showPlan();
    await view.page.evaluate(() => window.postMessage({ type: "dance" }, "*"));
    await saidUntil(() => errors().length > 0);
    assert.match(JSON.stringify(errors()), /dance/);
    assert.match(await tile("Period"), /m?s$/);
  });
});
