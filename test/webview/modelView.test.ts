import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import type { ModelViewMessage } from "../../src/protocol/modelMessages";
import { inspectionOf } from "./modelDocument";
import { launchBrowser, openModelView, type ModelPage } from "./page/page";

describe("the model view in a browser", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ModelPage;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(() => view.close());

  const model = (options: Parameters<typeof inspectionOf>[0] = {}) => ({ type: "model" as const, path: "/models/small", name: "small", inspection: inspectionOf(options), trusted: true });
  async function show(options: Parameters<typeof inspectionOf>[0] = {}, page: Parameters<typeof openModelView>[1] = {}): Promise<void> {
    view = await openModelView(browser, page);
    await view.send(model(options));
    await view.page.locator(".table-body .row").first().waitFor();
  }
  const rows = () => view.page.locator(".table-body .row");
  const names = () => rows().locator(".name").allTextContents();
  const active = () => view.page.locator(".table-body .row.active .name").textContent();
  const component = (name: string) => view.page.locator(".row-component", { has: view.page.locator(".name", { hasText: new RegExp(`^${name}$`) }) });
  const layer = (name: string) => view.page.locator(".row-layer", { has: view.page.locator(".name", { hasText: new RegExp(`^${name.replace(".", "\\.")}$`) }) });
  const press = async (...keys: readonly string[]) => {
    for (const key of keys) await view.page.keyboard.press(key);
  };
  const said = <T extends ModelViewMessage["type"]>(type: T) => view.said.filter((message): message is Extract<ModelViewMessage, { type: T }> => message.type === type);
  /** What the view says comes a moment after it was said. */
  const saidUntil = async <T extends ModelViewMessage["type"]>(type: T, count = 1) => {
    for (const end = Date.now() + 5000; said(type).length < count && Date.now() < end; ) await view.page.waitForTimeout(10);
    assert.equal(said(type).length, count, `${type} was said`);
    return said(type)[count - 1];
  };

  it("waits visibly, then shows figures and rows, without breaking its content security policy", async () => {
    view = await openModelView(browser);
    assert.ok(await view.page.getByText("Reading the model").isVisible());
    await view.close();
    await show();
    assert.match(await view.page.locator(".tile", { hasText: "Parameters" }).innerText(), /46[.\s]?\d* ?k/);
    assert.match(await view.page.locator(".tile", { hasText: "Trainable" }).innerText(), /40.010 in unet/);
    assert.deepEqual((await names()).slice(0, 4), ["text_encoder", "unet", "down.0", "down.1"], "what does not train is closed");
    assert.equal(await layer("down.0").locator(".cell-work").innerText().then((text) => text.replace(/\s/g, "")), "FIW");
    assert.deepEqual(said("log"), []);
  });

  it("draws the rows in view and no others, however many there are", async () => {
    await show({ layers: 5000 });
    const total = 5002;
    assert.equal(await view.page.getByRole("treegrid").getAttribute("aria-rowcount"), String(total + 1));
    const count = () => rows().count();
    const most = Math.ceil(900 / 24) + 2 * 8 + 1;
    assert.ok((await count()) <= most, `${await count()} rows`);
    const scrollTo = (share: number) => view.page.locator(".table").evaluate((table, at) => table.scrollTo(0, at * table.scrollHeight), share);
    for (const share of [0.25, 0.5, 0.99, 0.1]) {
      await scrollTo(share);
      const expected = Math.floor(share * total);
      await view.page.waitForFunction((index) => [...document.querySelectorAll<HTMLElement>(".table-body .row")].some((row) => Math.abs(Number(row.dataset.index) - index) < 30), expected);
      assert.ok((await count()) <= most, `${await count()} rows at ${share}`);
    }
    await view.page.getByRole("treegrid").focus();
    await press("End");
    assert.equal(await active(), "up.2499");
    assert.ok(await layer("up.2499").isVisible());
    await scrollTo(0);
    await view.page.waitForFunction(() => document.querySelector('.table-body .row[data-index="0"]') !== null);
    assert.ok((await count()) <= most, "the active row is kept beside those in view");
    const id = await view.page.getByRole("treegrid").getAttribute("aria-activedescendant");
    assert.equal(await view.page.locator(`#${id} .name`).textContent(), "up.2499");
  });

  it("is a tree grid for the keyboard", async () => {
    await show();
    await view.page.getByRole("treegrid").focus();
    await press("ArrowDown");
    assert.equal(await active(), "text_encoder");
    assert.equal(await component("text_encoder").getAttribute("aria-expanded"), "false");
    await press("ArrowRight");
    assert.equal(await component("text_encoder").getAttribute("aria-expanded"), "true");
    assert.equal(await active(), "text_encoder");
    await press("ArrowRight");
    assert.equal(await active(), "layers.0 … layers.5", "equal layers are one row");
    assert.equal(await view.page.locator(".row-repeat .cell-kind").textContent(), "encoder_layer × 6");
    await press("ArrowRight", "ArrowDown", "ArrowDown");
    assert.equal(await active(), "layers.1");
    assert.deepEqual(await layer("layers.1").evaluate((row) => ["aria-level", "aria-posinset", "aria-setsize"].map((name) => row.getAttribute(name))), ["3", "2", "6"]);
    await press("ArrowLeft", "ArrowLeft", "ArrowLeft");
    assert.equal(await active(), "text_encoder");
    await press("ArrowLeft", "End");
    assert.equal(await active(), "up.9");
    await press("Home", "ArrowDown", "PageDown");
    assert.notEqual(await active(), "unet");
    await press("Enter");
    assert.equal((await saidUntil("openConfiguration")).component, "unet");
  });

  it("ungroups repeated layers", async () => {
    await show();
    await component("text_encoder").locator(".twistie").click();
    assert.equal(await view.page.locator(".row-repeat").count(), 1);
    await view.page.locator("vscode-checkbox", { hasText: "Group repeated layers" }).click();
    assert.equal(await view.page.locator(".row-repeat").count(), 0);
    assert.deepEqual((await names()).slice(1, 4), ["layers.0", "layers.1", "layers.2"]);
  });

  it("marks the cuts that are cheap for their place and names what crosses them", async () => {
    await show();
    // The middle of the backbone carries every skip; towards its ends fewer.
    const width = (name: string) => layer(name).locator(".bar-forward").evaluate((bar: HTMLElement) => Number.parseFloat(bar.style.width));
    assert.equal(await width("down.9"), 100);
    assert.equal(await width("down.4"), 50);
    const cheap = await rows().filter({ has: view.page.locator(".cheap") }).locator(".name").allTextContents();
    // Of twenty equal layers an eighth is 2.5: near each are two or three cuts, and the one further out is the cheapest.
    assert.deepEqual(cheap, ["down.1", "down.3", "down.6", "up.0", "up.2", "up.5", "up.7"]);
    await layer("down.2").locator(".bars").hover();
    const tip = await view.page.locator(".tip").innerText();
    assert.match(tip, /Cut after down\.2.*3\.00 MiB forward and 3\.00 MiB backward/s);
    assert.deepEqual(tip.match(/down\.\d(?= +1\.00 MiB ⇄)/g), ["down.0", "down.1", "down.2"]);
    await layer("down.2").locator(".cell-kind").click();
    assert.match(await view.page.locator(".details").innerText(), /The cut after it.*down\.0\s+1\.00 MiB ⇄/s);
  });

  it("searches by name and kind", async () => {
    await show();
    await press("Control+f");
    await view.page.keyboard.type("atten up");
    const count = view.page.locator(".search-count");
    await count.getByText("5 of 26 layers").waitFor();
    assert.deepEqual(await names(), ["unet", "up.1", "up.3", "up.5", "up.7", "up.9"]);
    assert.deepEqual(await layer("up.3").locator("mark").allTextContents(), ["up", "atten"]);
    await press("Enter", "Enter");
    assert.equal(await active(), "up.3");
    await press("Shift+Enter", "Shift+Enter");
    assert.equal(await active(), "up.9");
    await press("ArrowDown");
    assert.ok(await view.page.locator(".table").evaluate((table) => document.activeElement === table));
    await press("Control+f");
    await view.page.keyboard.type(" nothing");
    await count.getByText("0 of 26 layers").waitFor();
    await press("Escape");
    await count.getByText("26 layers").waitFor();
    assert.equal(await rows().count(), 22);
    assert.equal(await active(), "up.9", "what was found stays chosen");
    await press("Control+f");
    await view.page.keyboard.type("TEXT_ENCODER");
    await count.getByText("6 of 26 layers").waitFor();
  });

  it("asks for a role, and shows a refusal beside the toggle", async () => {
    await show();
    await component("text_encoder").locator("vscode-checkbox").click();
    const first = await saidUntil("setRole");
    assert.deepEqual([first.component, first.role], ["text_encoder", "trained"]);
    await view.send({ type: "reply", id: first.id, error: "It cannot be trained." });
    const bubble = component("text_encoder").locator(".bubble");
    await bubble.getByText("It cannot be trained.").waitFor();
    assert.equal(await component("text_encoder").locator("vscode-checkbox").getAttribute("aria-checked"), "false");
    assert.ok(await view.page.evaluate(() => document.activeElement?.closest(".role-toggle") !== null), "the toggle keeps the focus");
    await bubble.getByRole("button").click();
    await bubble.waitFor({ state: "detached" });
    await component("text_encoder").locator(".name").click();
    await press("Space");
    const second = await saidUntil("setRole", 2);
    await view.send(model({ trained: true }));
    await view.send({ type: "reply", id: second.id });
    await view.page.locator('.row-component vscode-checkbox[aria-checked="true"]').nth(1).waitFor();
    assert.match(await view.page.locator(".tile", { hasText: "Chain" }).innerText(), /26 layers/);
  });

  it("gives figures at another size as soon as it is typed, and says why one does not fit", async () => {
    await show();
    const height = view.page.locator("vscode-text-field", { hasText: "Height" }).locator("input");
    await height.fill("100");
    const first = await saidUntil("bind");
    assert.deepEqual(first.bindings, { height: 100, width: 64, sequenceLength: 8 });
    await view.send({ type: "reply", id: first.id, error: "Expected a multiple of 8." });
    await view.page.locator(".size-refusal", { hasText: "multiple of 8" }).waitFor();
    await height.fill("x");
    await view.page.locator(".size-refusal", { hasText: "Height is a whole number" }).waitFor();
    await height.fill("128");
    const second = await saidUntil("bind", 2);
    await view.send(model({ height: 128 }));
    await view.send({ type: "reply", id: second.id });
    await view.page.locator(".size-refusal").waitFor({ state: "hidden" });
    assert.equal(await height.inputValue(), "128");
  });

  it("passes buttons on, and lets nothing be profiled that is not trusted", async () => {
    await show();
    await view.page.getByText("Copy as Text").click();
    await saidUntil("copyText");
    await view.page.getByText("New Plan").click();
    assert.equal((await saidUntil("runCommand")).command, "plan");
    await view.send({ ...model(), trusted: false });
    await view.page.locator('vscode-button[disabled]', { hasText: "Profile Layers" }).waitFor();
  });

  it("says what is wrong and where, and goes there", async () => {
    view = await openModelView(browser);
    const problem = { type: "problem" as const, path: "/models/small", name: "small", problem: { message: "Expected a list.", file: "small/unet/config.json", field: "block_out_channels", hint: "Like [320]." }, canOpen: true };
    await view.send(problem);
    assert.match(await view.page.locator(".placeholder").innerText(), /cannot be read.*unet\/config\.json · block_out_channels.*Expected a list.*Like/s);
    await view.page.getByText("Open File").click();
    await saidUntil("openProblem");
    await view.send(model());
    await view.page.locator(".row-component").first().waitFor();
    assert.equal(await view.page.locator(".placeholder").count(), 0);
    await view.send(problem);
    await view.page.locator(".notice-error", { hasText: "as it last could be read" }).waitFor();
    assert.ok(await rows().first().isVisible());
  });

  it("has its state back after a reload", async () => {
    await show({ layers: 400 });
    await component("text_encoder").locator(".twistie").click();
    await view.page.getByRole("treegrid").focus();
    await press("End");
    const kept = await active();
    await view.page.waitForFunction(() => ((window as unknown as { viewState?: { scrollTop?: number } }).viewState?.scrollTop ?? 0) > 1000);
    const [state, first] = [await view.page.evaluate(() => (window as unknown as { viewState: { path: string; bindings: object } }).viewState), (await names())[0]];
    assert.equal(state.path, "/models/small");
    assert.deepEqual(state.bindings, inspectionOf().bindings);
    await view.close();
    await show({ layers: 400 }, { state });
    assert.equal(await active(), kept);
    assert.equal((await names())[0], first);
    await view.close();
    await show({}, { state: { query: 7, collapsed: "all", scrollTop: -1, bindings: [] } });
    assert.equal(await rows().count(), 22, "a state that makes no sense is left aside");
  });

  it("logs what it does not understand and carries on", async () => {
    await show();
    await view.page.evaluate(() => window.postMessage({ type: "dance" }, "*"));
    assert.match((await saidUntil("log")).message, /dance/);
    assert.equal(await rows().count(), 22);
  });
});
