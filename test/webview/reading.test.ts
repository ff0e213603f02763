/** Reading the timeline in a browser: searching, the details of a slice, and ways from one to the next. */
import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import type { ViewMessage } from "../../src/protocol/messages";
import { clusterOf, planOf, profile } from "./documents";
import { inspectionOf } from "./modelDocument";
import { launchBrowser, openModelView, openView, twoFrames, type ViewPage } from "./page/page";
import { sendPlan } from "./page/planPage";

describe("reading the timeline in a browser", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ViewPage;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(() => view.close());

  async function showPlan(options: Parameters<typeof openView>[1] = {}): Promise<void> {
    view = await openView(browser, options);
    await sendPlan(view);
  }
  const press = (key: string) => view.page.keyboard.press(key);
  const title = () => view.page.locator(".details-title").innerText();
  const details = () => view.page.locator(".details").innerText();
  const count = () => view.page.locator(".find-count").innerText();
  const row = (text: RegExp | string) => view.page.locator(".jump", { hasText: text });
  const jumps = () => view.said.filter((message): message is Extract<ViewMessage, { type: "jump" }> => message.type === "jump");
  const saidUntil = async (holds: () => boolean) => {
    for (const end = Date.now() + 5000; !holds() && Date.now() < end; ) await view.page.waitForTimeout(10);
  };
  const errors = () => view.said.filter((message) => message.type === "log");
  /** Mean brightness of the canvas at a share of the first lane's width. */
  const brightness = async (share: number) => {
    await twoFrames(view);
    return view.page.locator(".plot canvas").evaluate((canvas: HTMLCanvasElement, at) => {
      const { data } = canvas.getContext("2d")?.getImageData(Math.round(canvas.width * at), 6, 4, 4) ?? { data: new Uint8ClampedArray(4) };
      return data.reduce((sum, value, i) => (i % 4 === 3 ? sum : sum + value), 0) / ((data.length * 3) / 4);
    }, share);
  };

  it("opens the search with / and with Ctrl+F, and types letters into it rather than zooming", async () => {
    for (const key of ["/", "Control+f"]) {
      await showPlan();
      await press(key);
      await view.page.keyboard.type("was");
      assert.equal(await count(), "nothing found");
      assert.equal(await view.page.evaluate(() => (window as unknown as { viewState: { domain?: unknown } }).viewState.domain), undefined, "not zoomed");
      await press("Escape");
      await view.page.locator(".find").waitFor({ state: "hidden" });
      assert.equal(await view.page.evaluate(() => document.activeElement?.getAttribute("role")), "grid", "back on the lanes");
      if (key === "/") await view.close();
    }
  });

  it("counts matches, dims the rest, and goes through them with Enter and Shift+Enter", async () => {
    await showPlan();
    const before = await brightness(0.004 + 0.02);
    await press("/");
    await view.page.keyboard.type("mb 3 forward");
    assert.equal(await count(), "4 found");
    assert.ok((await brightness(0.004 + 0.02)) < before * 0.7, "the first micro-batch is dimmed");
    await press("Enter");
    assert.equal(await count(), "1 of 4");
    assert.match(await details(), /Forward[\s\S]*Micro-batch\s+3/);
    assert.match((await view.page.locator('[role="grid"] [aria-selected="true"]').textContent()) ?? "", /micro-batch 3/);
    await press("Enter");
    assert.equal(await count(), "2 of 4");
    await press("Shift+Enter");
    await press("Shift+Enter");
    assert.equal(await count(), "4 of 4");
    await press("Escape");
    await twoFrames(view);
    assert.ok(Math.abs((await brightness(0.004 + 0.02)) - before) < 3, "nothing is dimmed any more");
    assert.match(await title(), /Forward/, "the selection stays when the search is closed");
    await press("Escape");
    assert.match(await title(), /Devices/);
  });

  it("finds by layer, component, letter and device", async () => {
    await showPlan();
    await press("/");
    const field = view.page.locator(".find vscode-text-field input");
    for (const [query, wanted] of [["down.0.resnet.0 f", "8 found"], ["F3 device 1", "2 found"], ["\"text_encoder/layer.1\"", "2 found"]] as const) {
      await field.fill(query);
      assert.equal(await count(), wanted, query);
    }
  });

  it("has its search and its query back after a reload", async () => {
    await showPlan();
    await press("/");
    await view.page.keyboard.type("mb 2");
    const counted = await count();
    const state = await view.page.evaluate(() => (window as unknown as { viewState: unknown }).viewState);
    await view.close();
    await showPlan({ state });
    assert.equal(await count(), counted);
    assert.equal(await view.page.evaluate(() => document.activeElement?.tagName), "BODY", "the focus is left alone");
  });

  it("says how many are in lanes that are folded away, and unfolds them", async () => {
    await showPlan();
    const toggle = view.page.locator("vscode-checkbox", { hasText: "Communication" });
    await press("/");
    await view.page.keyboard.type("send");
    const all = Number.parseInt(await count(), 10);
    assert.ok(all > 0);
    await toggle.click();
    assert.equal(await count(), "none in sight");
    const unfold = view.page.getByRole("button", { name: `${all} in folded lanes` });
    await unfold.click();
    assert.equal(await count(), `1 of ${all}`);
    assert.equal(await unfold.isVisible(), false);
    assert.match(await title(), /Send/);
  });

  it("searches when the host asks, also before there is a plan", async () => {
    view = await openView(browser);
    await view.send({ type: "search", query: '"unet/conv_out"' });
    await sendPlan(view);
    await view.page.locator(".find-count", { hasText: /^1 of/ }).waitFor();
    assert.match(await details(), /Stage\s+1 of unet/);
    await view.send({ type: "search", query: '"vae"' });
    await view.page.locator(".details-title", { hasText: "Frozen work" }).waitFor();
    assert.deepEqual(errors(), []);
  });

  it("says what a pass is made of: layers with times, what it keeps, what it waits for and what needs it", async () => {
    await showPlan();
    await press("/");
    await view.page.keyboard.type("F1 device 1");
    await press("Enter");
    const text = await details();
    assert.match(text, /TIME BY LAYER\s+2 samples at once; measured layer times/i);
    assert.match(text, /11 more\s+[\d.]+ ms/);
    assert.match(text, /Saved\s+[\d.]+ MiB for the backward pass: until I [\d.]+ MiB, until W/);
    assert.match(text, /WAITS FOR[\s\S]*receive ← 0[\s\S]*NEEDED BY[\s\S]*B1 · stage 1 · device 1/i);
    await view.page.locator(".find").getByText("×").click();
    await row("B1 · stage 1 · device 1").first().click();
    assert.match(await title(), /Backward/);
    assert.equal(await view.page.evaluate(() => document.activeElement?.className), "details-title", "the focus goes on from what was selected");
    assert.match(await details(), /estimated layer times/);
    await view.page.keyboard.press("Tab");
    await view.page.keyboard.press("Enter");
    await saidUntil(() => jumps().length > 0);
    assert.equal(jumps()[0].to, "model", "the slowest layer is the first to go to");
  });

  it("says what ends a bubble, and goes there", async () => {
    await showPlan();
    await press("/");
    await view.page.keyboard.type("idle device 0");
    await press("Enter");
    assert.match(await title(), /Idle/);
    assert.match(await details(), /ENDS WITH\s+[A-Z]\d · stage 0 · device 0/i);
    const before = await details();
    const state = await view.page.evaluate(() => (window as unknown as { viewState: unknown }).viewState);
    await view.close();
    await showPlan({ state });
    assert.equal(await details(), before, "still selected after a reload");
    await row(/device 1/).last().click();
    assert.match(await details(), /Device\s+1/);
  });

  it("says which tensors a message carries", async () => {
    view = await openView(browser);
    const unet = profile.components[2].layers;
    const ref = (index: number) => ({ component: "unet", layer: unet[index].name });
    const tensors = unet.slice(0, -1).map((_, index) => ({ id: `unet/${unet[index].name}`, producer: ref(index), consumers: index === 0 ? [ref(1), ref(34)] : [ref(index + 1)], bytesPerSample: 1024, hasGradient: true, transport: "chain" as const }));
    await view.send({ type: "inputs", profile: { ...profile, tensors }, cluster: clusterOf(2) });
    await view.send({ type: "plan", version: 7, name: "a", plan: planOf(2, 4), readOnly: false, notices: [] });
    await view.page.locator(".boundary").waitFor();
    await press("/");
    await view.page.keyboard.type("send mb 0 device 0");
    await press("Enter");
    assert.match(await details(), /Bytes\s+4\.00 KiB/);
    assert.match(await details(), /TENSORS\s+unet\/\S+\s+2\.00 KiB\s+unet\/\S+\s+2\.00 KiB/i);
  });

  it("asks for the model and the configuration, and says why where there is no way", async () => {
    await showPlan();
    await press("/");
    await view.page.keyboard.type("text_encoder frozen");
    await press("Enter");
    await view.page.getByText("Show in Model").click();
    await saidUntil(() => jumps().length > 0);
    assert.deepEqual({ ...jumps()[0], id: 0 }, { type: "jump", id: 0, to: "model", component: "text_encoder", layer: "embeddings" });
    await view.send({ type: "reply", id: jumps()[0].id, error: "The model of this plan is not there." });
    await view.page.locator(".notice-error", { hasText: "not there" }).waitFor();
    await view.page.getByText("Open Configuration").click();
    await saidUntil(() => jumps().length > 1);
    assert.equal(jumps()[1].to, "configuration");
  });

  it("lists every key under ?, keeps the focus in the list and gives it back", async () => {
    await showPlan();
    await view.page.locator(".plot").focus();
    await press("?");
    const keys = (await view.page.locator(".keys kbd").allInnerTexts()).join(" ");
    for (const key of ["W", "S", "A", "D", "F", ".", ",", "/", "Ctrl+F", "Esc", "?"]) assert.ok(keys.split(/ or | /).includes(key), key);
    const inside = () => view.page.evaluate(() => document.activeElement?.closest("dialog") !== null);
    for (let i = 0; i < 4; i++) {
      assert.ok(await inside());
      await press("Tab");
    }
    await press("w");
    await press("Control+f");
    assert.ok(await view.page.locator(".find").isHidden(), "what lies behind is out of reach");
    await press("Escape");
    await view.page.locator("dialog.keys").waitFor({ state: "hidden" });
    assert.equal(await view.page.evaluate(() => document.activeElement?.getAttribute("role")), "grid");
    await press("?");
    await press("?");
    assert.ok(await view.page.locator("dialog.keys").isHidden());
  });

  it("bears messages in any order, and again", async () => {
    view = await openView(browser);
    const plan = { type: "plan", version: 3, name: "a", plan: planOf(2, 4), readOnly: false, notices: [] } as const;
    const inputs = { type: "inputs", profile, cluster: clusterOf(2) } as const;
    await view.send({ type: "baselines", version: 3, baselines: [{ title: "DDP", periodMs: 1, note: "" }] });
    await view.send({ type: "measured", name: "run", timeline: null });
    await view.send({ type: "reply", id: 99 });
    await view.send(plan);
    await view.page.locator(".placeholder", { hasText: "before what it is simulated with" }).waitFor();
    await view.send(inputs);
    await view.send(plan);
    await view.page.locator(".boundary").waitFor();
    await view.send({ type: "problem", version: 4, kind: "text", problem: { message: "Broken." } });
    await view.send({ type: "baselines", version: 3, baselines: [{ title: "DDP", periodMs: 1, note: "" }] });
    await view.page.locator(".notice-error", { hasText: "Broken" }).waitFor();
    await view.send(inputs);
    await view.send({ ...plan, version: 5 });
    await view.page.locator(".notice-error").waitFor({ state: "detached" });
    assert.equal(await view.page.locator(".tile", { hasText: "DDP" }).locator(".tile-value").innerText(), "…", "figures of a version that is over are not shown");
  });
});

describe("the model view as the other end of a jump", function () {
  this.timeout(60_000);

  it("opens what a layer lies in and goes to it, and asks for the timeline from there", async () => {
    const browser = await launchBrowser();
    try {
      const { page, said, send } = await openModelView(browser);
      await send({ type: "reveal", component: "unet", layer: "down.1" }); // before there is a model
      await send({ type: "model", path: "/models/small", name: "models/small", inspection: inspectionOf(), trusted: true });
      await page.locator(".row-component").first().waitFor();
      assert.equal(await page.locator('.name[title="layers.3"]').count(), 0, "closed, and one of many equal layers");
      await page.locator(".search input").fill("down");
      await send({ type: "reveal", component: "text_encoder", layer: "layers.3" });
      await page.locator('.row.active:has(.name[title="layers.3"])').waitFor();
      assert.match(await page.locator(".details-title").innerText(), /layers\.3/);
      await page.getByText("Show in Timeline").click();
      for (const end = Date.now() + 5000; said.at(-1)?.type !== "showInTimeline" && Date.now() < end; ) await page.waitForTimeout(10);
      assert.deepEqual(said.at(-1), { type: "showInTimeline", component: "text_encoder", layer: "layers.3" });
      await send({ type: "reveal", component: "unet" });
      await page.locator(".row-component.active", { hasText: "unet" }).waitFor();
      await send({ type: "reveal", component: "no such" });
      assert.deepEqual(said.filter(({ type }) => type === "log"), []);
    } finally {
      await browser.close();
    }
  });
});
