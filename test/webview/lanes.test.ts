/** Lanes in a browser: memory curves, folding, replicas in one, colours, iterations side by side. */
import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import type { Plan } from "../../src/model/plan";
import { clusterOf, planOf } from "./documents";
import { launchBrowser, twoFrames, type openView, type ViewPage } from "./page/page";
import { openPlanPage } from "./page/planPage";

/** The same pipeline several times over: replica r on devices r * stages onwards. */
function replicated(plan: Plan, copies: number): Plan {
  const [{ stages }] = plan.chains;
  const { global } = plan.batch;
  const replicas = Array.from({ length: copies }, (_, replica) => replica);
  return {
    ...plan,
    dataParallel: copies,
    batch: { ...plan.batch, global: global * copies },
    chains: plan.chains.map((chain) => ({ ...chain, stages: chain.stages.map((stage) => ({ ...stage, devices: replicas.map((replica) => replica * stages.length + stage.devices[0]) })) })),
    fills: replicas.flatMap((replica) => plan.fills.map((fill) => ({ ...fill, device: fill.device + replica * stages.length, samples: [fill.samples[0] + replica * global, fill.samples[1] + replica * global] as const }))),
  };
}

describe("lanes in a browser", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ViewPage;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(() => view.close());

  interface Shown extends NonNullable<Parameters<typeof openView>[1]> {
    readonly plan?: Plan;
    readonly devices?: number;
    readonly reservedBytes?: number;
  }

  async function showPlan({ plan = planOf(2, 4), devices = 2, reservedBytes = 0, ...options }: Shown = {}): Promise<void> {
    view = await openPlanPage(browser, { ...options, plan, cluster: { ...clusterOf(devices), reservedBytes } });
  }
  /** Closes the view and opens it again with what it had kept. */
  async function reload(options: Shown = {}): Promise<void> {
    const state = await view.page.evaluate(() => (window as unknown as { viewState: unknown }).viewState);
    await view.close();
    await showPlan({ ...options, state });
  }
  const rows = () => view.page.locator('[role="grid"] [role="rowheader"]').allTextContents();
  const toggle = (label: string) => view.page.locator(".lane-toggles vscode-checkbox", { hasText: label });
  const choose = (label: string, value: string) => view.page.getByLabel(label, { exact: true }).selectOption(value);
  const fold = (device: number) => view.page.locator(`.gutter-fold[data-device="${device}"]`);
  const legend = () => view.page.locator(".legend li").allInnerTexts();
  const flags = () => view.page.locator(".flag").allInnerTexts();
  const tooltip = () => view.page.locator(".tooltip").innerText();
  const isExpanded = async (device: number) => (await fold(device).getAttribute("aria-expanded")) === "true";
  /** Colours along the canvas, some pixels from its top. */
  const line = (y: number) => view.page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement, at) => {
    const data = canvas.getContext("2d")?.getImageData(0, at, canvas.width, 1).data ?? [];
    return Array.from({ length: canvas.width }, (_, x) => `${data[4 * x]} ${data[4 * x + 1]} ${data[4 * x + 2]}`);
  }, y);
  const atPlot = async (share: number, y: number) => {
    const box = await view.page.locator(".plot").boundingBox();
    assert.ok(box);
    return [box.x + box.width * share, box.y + y] as const;
  };
  const errors = () => view.said.filter((message) => message.type === "log");

  it("shows memory under its limit when asked to, with the level under the pointer, also after a reload", async () => {
    await showPlan();
    assert.ok(!(await rows()).some((name) => name.includes("memory")));
    await toggle("Memory").click();
    assert.deepEqual((await rows()).filter((name) => name.includes("memory")), ["Device 0, predicted memory", "Device 1, predicted memory"]);
    assert.match((await view.page.locator('[role="gridcell"]', { hasText: "Memory of device 0" }).textContent()) ?? "", /peak [\d.]+ [GM]iB of 8\.00 GiB$/);
    const label = await view.page.locator(".gutter-lane", { hasText: "mem" }).first().boundingBox();
    const box = await view.page.locator(".plot").boundingBox();
    assert.ok(label && box);
    await view.page.mouse.move(box.x + box.width * 0.3, label.y + label.height / 2);
    assert.match(await tooltip(), /^Memory of device 0\s+[\d.]+ [GM]iB \([\d.]+ % of 8\.00 GiB\)\s+from .* to .*\s+peak/);
    await reload();
    assert.equal((await rows()).filter((name) => name.includes("memory")).length, 2);
    assert.deepEqual(errors(), []);
  });

  it("marks what is over the limit by more than colour", async () => {
    await showPlan({ reservedBytes: 7.8 * 1024 ** 3 });
    assert.match(await fold(0).innerText(), /⚠/);
    await toggle("Memory").click();
    const label = await view.page.locator(".gutter-lane", { hasText: "mem" }).first().boundingBox();
    const [x] = await atPlot(0.3, 0);
    assert.ok(label);
    await view.page.mouse.move(x, label.y + label.height / 2);
    assert.match(await tooltip(), /⚠ over the limit by/);
  });

  it("folds and unfolds a device from the keyboard, keeps the focus, and has it so after a reload", async () => {
    await showPlan();
    assert.equal(await isExpanded(0), true);
    await fold(0).focus();
    await view.page.keyboard.press("Enter");
    assert.deepEqual(await rows(), ["Device 0, predicted computing", "Device 1, predicted computing", "Device 1, predicted communication"]);
    assert.equal(await view.page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.device), "0");
    await view.page.keyboard.press("Space");
    assert.deepEqual((await rows()).slice(0, 3), ["Device 0, predicted computing", "Device 0, predicted communication", "Device 0, predicted memory"]);
    await fold(1).click();
    assert.deepEqual([await isExpanded(0), await isExpanded(1)], [true, false]);
    await reload();
    assert.deepEqual([await isExpanded(0), await isExpanded(1), (await rows()).length], [true, false, 4]);
    await toggle("Communication").click();
    assert.deepEqual(await rows(), ["Device 0, predicted computing", "Device 1, predicted computing"], "the toolbar speaks for all devices");
  });

  it("keeps the selected slice selected when lanes above it fold", async () => {
    await showPlan();
    const [x, y] = await atPlot(0.03, 20);
    await view.page.mouse.click(x, y);
    for (const key of ["ArrowDown", "ArrowDown", "."]) await view.page.keyboard.press(key);
    const selected = () => view.page.locator('[role="grid"] [aria-selected="true"]').textContent();
    const before = await selected();
    assert.match(before ?? "", /device 1/);
    await fold(0).click();
    assert.equal(await selected(), before);
  });

  it("folds replicas into one where there are many devices, and unfolds them", async () => {
    const options = { plan: replicated(planOf(2, 4), 5), devices: 10 };
    await showPlan(options);
    assert.deepEqual((await rows()).filter((name) => name.includes("computing")), ["Device 0, predicted computing", "Device 1, predicted computing"]);
    assert.match(await fold(0).innerText(), /Devices 0, 2, 4 …/);
    const group = view.page.locator(".gutter-group[data-group='0']");
    assert.match(await group.innerText(), /5\s+replicas$/);
    await group.click();
    assert.equal((await rows()).filter((name) => name.includes("computing")).length, 6);
    assert.equal(await group.getAttribute("aria-expanded"), "true");
    await reload(options);
    assert.equal((await rows()).filter((name) => name.includes("computing")).length, 6);
    await toggle("Fold replicas").click();
    assert.equal((await rows()).filter((name) => name.includes("computing")).length, 10);
    assert.deepEqual(errors(), []);
  });

  it("says when replicas that are folded are not alike", async () => {
    const plan = replicated(planOf(2, 4), 5);
    const fills = plan.fills.map((fill) => (fill.device === 4 && fill.before.op === "B" ? { ...fill, device: 6 } : fill));
    await showPlan({ plan: { ...plan, fills }, devices: 10 });
    assert.match(await view.page.locator(".gutter-group[data-group='0']").innerText(), /unlike/);
    assert.match((await view.page.locator(".gutter-group[data-group='0']").getAttribute("title")) ?? "", /Not alike: devices .*4.*6/);
  });

  it("colours by micro-batch and by component, legend and reload included", async () => {
    await showPlan();
    assert.deepEqual((await legend()).slice(0, 2), ["Forward", "Backward"]);
    await twoFrames(view);
    const before = await line(12);
    await choose("Colour by", "microbatch");
    assert.deepEqual((await legend()).slice(0, 5), ["Micro-batch 0", "1", "2", "3", "Backward"]);
    await choose("Colour by", "component");
    assert.deepEqual(await legend(), ["unet", "text_encoder", "vae", "Backward", "Communication", "Optimizer", "Idle"]);
    await twoFrames(view);
    assert.notDeepEqual(await line(12), before);
    await reload();
    assert.deepEqual((await legend())[0], "unet");
  });

  it("shows one, two or three iterations side by side", async () => {
    await showPlan();
    assert.deepEqual((await flags()).slice(1), ["iteration 1"]);
    await choose("Iterations", "3");
    assert.deepEqual((await flags()).slice(1), ["iteration 1", "iteration 2"]);
    await reload();
    assert.deepEqual((await flags()).slice(1), ["iteration 1", "iteration 2"]);
    await choose("Iterations", "1");
    assert.deepEqual((await flags()).slice(1), ["iteration 1, not shown"]);
    assert.deepEqual(errors(), []);
  });

  it("tells how much of slices that share a pixel is idle time", async () => {
    await showPlan({ plan: planOf(8, 64), devices: 8, width: 600, height: 1000 });
    await choose("Iterations", "3");
    const lane = await fold(0).boundingBox();
    const [x] = await atPlot(0.2, 0);
    assert.ok(lane);
    await view.page.mouse.move(x, lane.y + lane.height / 2);
    assert.match(await tooltip(), /one of \d+ slices in [\d.]+ ms, of which [\d.]+ ms idle$/);
  });

  it("lets other iterations stand back while a fill is selected", async () => {
    await showPlan();
    await twoFrames(view);
    const [x, y] = await atPlot(0.03, 20);
    const whole = await line(12);
    await view.page.mouse.click(x, y);
    await view.page.keyboard.press(".");
    await view.page.keyboard.press(".");
    assert.match(await view.page.locator(".details-title").innerText(), /Frozen work/);
    await twoFrames(view);
    const dimmed = await line(12);
    const [own, served] = [[0, 0.5], [0.5, 1]].map(([from, to]) => {
      const [first, end] = [from, to].map((share) => Math.round(whole.length * share));
      return whole.slice(first, end).filter((pixel, i) => pixel !== dimmed[first + i]).length / (end - first);
    });
    assert.ok(own > 0.7, `its own iteration stands back: ${own}`);
    assert.ok(served < 0.5, `the passes of the one that it serves do not: ${served}`);
    await view.page.keyboard.press("Escape");
    await twoFrames(view);
    assert.deepEqual(await line(12), whole);
  });
});
