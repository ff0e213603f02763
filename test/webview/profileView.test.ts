import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import type { ProfileHostMessage, ProfileViewMessage } from "../../src/protocol/profileMessages";
import { parsedCsv } from "../tools/parsedCsv";
import { launchBrowser, openProfileView, type ProfilePage } from "./page/page";
import { profileOf } from "./profileDocument";

describe("the profile view in a browser", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ProfilePage;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(() => view.close());

  type Stand = Extract<ProfileHostMessage, { type: "stand" }>["stand"];
  const agreed: Stand = { kind: "compared", changed: [], gone: [], differences: [] };
  async function show(options: Parameters<typeof profileOf>[0] = {}, page: Parameters<typeof openProfileView>[1] = {}): Promise<void> {
    view = await openProfileView(browser, page);
    await view.send({ type: "profile", version: 1, name: "small.profile.json", profile: profileOf(options) });
    await view.send({ type: "measuring", measuring: { kind: "ready" } });
    await view.page.locator(".table-body .row").first().waitFor();
  }
  const rows = () => view.page.locator(".table-body .row");
  const names = () => rows().locator(".name").allTextContents();
  const active = () => view.page.locator(".table-body .row.active .name").textContent();
  const row = (name: string) => rows().filter({ has: view.page.locator(".name", { hasText: new RegExp(`^${name.replace(".", "\\.")}$`) }) });
  const cell = (name: string, column: string) => row(name).locator(`.c-${column}`).innerText();
  const tile = (label: string) => view.page.locator(".tile", { hasText: label }).innerText();
  const grid = () => view.page.getByRole("treegrid");
  const heading = (title: string) => view.page.getByRole("columnheader", { name: new RegExp(`^${title}: `) }).getByRole("button");
  const batch = () => view.page.getByLabel("Batch", { exact: true });
  const unit = () => view.page.getByLabel("Times in", { exact: true });
  const notice = () => view.page.locator(".notice-warning");
  const press = async (...keys: readonly string[]) => {
    for (const key of keys) await view.page.keyboard.press(key);
  };
  const said = <T extends ProfileViewMessage["type"]>(type: T) => view.said.filter((message): message is Extract<ProfileViewMessage, { type: T }> => message.type === type);
  /** What the view says comes a moment after it was said. */
  const saidUntil = async <T extends ProfileViewMessage["type"]>(type: T, count = 1) => {
    for (const end = Date.now() + 5000; said(type).length < count && Date.now() < end; ) await view.page.waitForTimeout(10);
    assert.equal(said(type).length, count, `${type} was said`);
    return said(type)[count - 1];
  };

  it("waits visibly, then shows what was timed where, without breaking its content security policy", async () => {
    view = await openProfileView(browser);
    assert.ok(await view.page.getByText("Reading the profile").isVisible());
    await view.close();
    await show();
    assert.equal(await view.page.getByRole("heading", { level: 1 }).innerText(), "small");
    assert.deepEqual(await view.page.locator(".place-facts li").allInnerTexts(), ["Small Accelerator", "cpu", "float32", "2 threads", "8.00 GiB", "onnxruntime 1.2.3", "64 × 96 pixels, 8 tokens"]);
    assert.match(await tile("Forward measured"), /100 %.*18 of 18 layers/s);
    assert.match(await tile("I and W measured"), /0\.0 %.*12 of 12 are estimates/s);
    assert.match(await tile("Spread"), /±2\.0 %/);
    // Batch 4: six frozen layers of 4 ms; twelve of F = 4 (1 + index), I half and W twice of it.
    assert.match(await tile("All layers"), /1.116 ms/);
    assert.match(await tile("Frozen work"), /2\.2 %/);
    assert.deepEqual((await names()).slice(0, 3), ["text_encoder", "layers.0", "layers.1"]);
    assert.deepEqual(await Promise.all(["total", "forward", "inputGrad", "weightGrad", "spread", "shared", "from"].map((column) => cell("block.1", column))), ["~28.00", "8.00", "~4.00", "~16.00", "0.160", "×3", "F measured"]);
    assert.deepEqual(await Promise.all(["total", "inputGrad", "from"].map((column) => cell("layers.1", column))), ["4.00", "–", "measured"]);
    assert.deepEqual(said("log"), []);
  });

  it("draws F, I and W to one scale, apart by letter and pattern", async () => {
    await show();
    const widths = (name: string) => row(name).locator(".pass").evaluateAll((parts) => parts.map((part) => Number.parseFloat((part as HTMLElement).style.width)));
    const near = (actual: readonly number[], expected: readonly number[]) => assert.ok(actual.length === expected.length && actual.every((value, index) => Math.abs(value - expected[index]) < 0.01), `${actual.join()} are ${expected.join()}`);
    near(await widths("block.11"), [100 / 3.5, 50 / 3.5, 200 / 3.5]);
    near(await widths("block.5"), [50 / 3.5, 25 / 3.5, 100 / 3.5]);
    const letters = row("block.11").locator(".pass-letter");
    assert.deepEqual(await letters.allInnerTexts(), ["F", "I", "W"]);
    const patterns = await row("block.11").locator(".pass").evaluateAll((parts) => parts.map((part) => getComputedStyle(part).backgroundImage.split("-gradient")[0]));
    assert.equal(new Set(patterns).size, 3);
  });

  it("sorts by any column, by pointer and by keyboard", async () => {
    await show();
    await heading("Total").click();
    assert.deepEqual((await names()).slice(0, 3), ["unet", "block.11", "block.10"]);
    assert.equal(await view.page.getByRole("columnheader", { name: /^Total/ }).getAttribute("aria-sort"), "descending");
    await heading("Total").click();
    assert.deepEqual((await names()).slice(0, 2), ["text_encoder", "layers.0"]);
    await heading("Layer").focus();
    await press("ArrowRight", "ArrowRight", "Enter");
    assert.equal(await view.page.getByRole("columnheader", { name: /^F:/ }).getAttribute("aria-sort"), "descending");
    assert.equal(await view.page.locator('.sorter[tabindex="0"]').count(), 1, "the heads are one stop of the Tab key");
    await view.page.locator("vscode-checkbox", { hasText: "Group by component" }).click();
    assert.deepEqual((await names()).slice(0, 2), ["unet / block.11", "unet / block.10"]);
    assert.equal(await rows().count(), 18);
    await view.page.locator(".visually-hidden", { hasText: "Sorted by Forward pass" }).waitFor({ state: "attached" });
  });

  it("shows any batch size, for a pass or a sample", async () => {
    await show({ outOfMemory: "block.3" });
    assert.deepEqual(await batch().locator("option").allInnerTexts(), ["1", "2", "4"]);
    assert.equal(await cell("block.2", "forward"), "6.00", "the batch size that most layers were timed at");
    await batch().selectOption("4");
    assert.equal(await cell("block.3", "from"), "out of memory");
    assert.equal(await cell("block.3", "forward"), "–");
    assert.match(await row("block.3").locator(".c-from").getAttribute("title") ?? "", /Not enough memory/);
    assert.match(await cell("unet", "total"), /^≥ /);
    assert.match(await view.page.locator(".table-foot").innerText(), /without 1/);
    await unit().selectOption("sample");
    assert.equal(await cell("block.2", "forward"), "3.00");
    assert.equal(await view.page.locator(".table-foot .c-forward").innerText(), `≥ ${(6 + 78 - 4).toFixed(2)}`);
  });

  it("searches by layer and component, and sums what it found", async () => {
    await show();
    await press("Control+f");
    await view.page.keyboard.type("unet 1");
    await view.page.locator(".search-count", { hasText: "3 of 18 layers" }).waitFor();
    assert.deepEqual(await names(), ["unet", "block.1", "block.10", "block.11"]);
    assert.equal(await view.page.locator(".table-foot .c-forward").innerText(), "100.0");
    await press("Enter", "Enter");
    assert.equal(await active(), "block.10");
    await press("Escape");
    await view.page.locator(".search-count", { hasText: /^18 layers/ }).waitFor();
    assert.equal(await active(), "block.10", "what was found stays chosen");
  });

  it("is a tree grid for the keyboard, and copies what is selected", async () => {
    await show();
    await grid().focus();
    await press("ArrowDown", "ArrowLeft");
    assert.equal(await row("text_encoder").getAttribute("aria-expanded"), "false");
    assert.equal(await rows().count(), 14);
    await press("ArrowDown", "ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown");
    assert.deepEqual(await view.page.locator('.row[aria-selected="true"] .name').allTextContents(), ["block.0", "block.1", "block.2"]);
    assert.equal(await view.page.locator(`#${await grid().getAttribute("aria-activedescendant")} .name`).textContent(), "block.2");
    await press("Control+c");
    const [head, ...lines] = parsedCsv((await saidUntil("copy")).text, "\t");
    assert.deepEqual(lines.map((line) => [line[head.indexOf("layer")], line[head.indexOf("forward_ms")]]), [["block.0", "4"], ["block.1", "8"], ["block.2", "12"]]);
    await press("Control+a");
    assert.equal(await view.page.locator('.row[aria-selected="true"]').count(), 14);
    await row("block.4").locator(".name").click();
    await row("block.6").locator(".name").click({ modifiers: ["Shift"] });
    assert.equal(await view.page.locator('.row[aria-selected="true"]').count(), 3);
  });

  it("draws the times of the selected row over the batch, and says them", async () => {
    await show({ outOfMemory: "block.3", batches: [1, 2, 4, 8] });
    await row("block.3").locator(".name").click();
    const chart = view.page.locator(".details svg[role=img]");
    assert.match(await chart.getAttribute("aria-label") ?? "", /^Time of block\.3 per pass.*F from 4\.00 ms at batch 1 to 16\.0 ms at batch 4; I from 2\.00 ms.*W from 8\.00 ms/);
    assert.equal(await chart.locator(".curve-point").count(), 9);
    assert.equal(await chart.locator(".curve-failed").count(), 1);
    assert.deepEqual(await chart.locator(".curve-axis").last().locator(".tick").allTextContents(), ["1", "2", "4", "8"]);
    assert.deepEqual((await view.page.locator(".details .use tbody tr").allInnerTexts()).map((line) => line.split(/\s+/).slice(0, 3)), [["1", "4.00", "~2.00"], ["2", "8.00", "~4.00"], ["4", "16.00", "~8.00"], ["8", "–", "–"]]);
    await row("text_encoder").locator(".name").click();
    assert.match(await chart.getAttribute("aria-label") ?? "", /F from 6\.00 ms at batch 1 to 48\.0 ms at batch 8$/);
  });

  it("offers to measure what changed, once, and says why where it cannot", async () => {
    await show();
    await view.send({ type: "stand", version: 1, stand: agreed });
    assert.equal(await notice().count(), 0);
    const changed = [3, 4, 5].map((index) => ({ component: "unet", layer: `block.${index}` }));
    await view.send({ type: "stand", version: 1, stand: { kind: "compared", changed, gone: changed, differences: ["another state of the model's files"] } });
    await notice().getByText("3 layers changed since this was measured").waitFor();
    assert.deepEqual(await rows().filter({ has: view.page.locator(".chip-changed") }).locator(".name").allTextContents(), ["block.3", "block.4", "block.5"]);
    await notice().getByText("Measure the 3 Layers That Changed").click();
    await saidUntil("measure");
    await view.send({ type: "measuring", measuring: { kind: "running" } });
    await notice().locator("vscode-button[disabled]", { hasText: "Measuring" }).waitFor();
    await view.send({ type: "measuring", measuring: { kind: "refused", reason: "It waits until this workspace is trusted." } });
    await notice().getByText("waits until this workspace is trusted").waitFor();
    assert.equal(await notice().locator("vscode-button").count(), 0);
    await view.send({ type: "stand", version: 7, stand: agreed });
    assert.equal(await notice().count(), 1, "how another text stands does not matter");
    await view.send({ type: "stand", version: 1, stand: { kind: "compared", changed: [], gone: [], differences: ["other roles"] } });
    await notice().getByText("The model has other roles than when this was measured.").waitFor();
    await view.send({ type: "stand", version: 1, stand: { kind: "unknown", reason: "The file does not exist." } });
    await view.page.locator(".notice-info", { hasText: "is not known: The file does not exist." }).waitFor();
  });

  it("offers to measure what was not measured", async () => {
    await show({ unmeasured: 2 });
    await notice().getByText("2 layers were not measured: unet / block.0, unet / block.1.").waitFor();
    assert.match(await tile("Forward measured"), /88\.9 %.*16 of 18/s);
    await batch().selectOption("1");
    assert.equal(await cell("block.0", "from"), "crashed, estimate");
    assert.equal(await cell("block.0", "forward"), "~3.00");
    await notice().getByText("Measure Them").click();
    await saidUntil("measure");
  });

  it("passes buttons on", async () => {
    await show();
    await view.page.getByText("Export as CSV").click();
    await saidUntil("exportCsv");
    await view.page.getByText("Open Model").click();
    await saidUntil("openModel");
    await view.page.getByText("New Plan").click();
    await saidUntil("newPlan");
  });

  it("greys the last good table while the text is broken, and goes to the place", async () => {
    await show();
    const problem = { type: "problem" as const, version: 2, name: "small.profile.json", kind: "text" as const, problem: { message: "Expected a number.", file: "small.profile.json", field: "components[0].layers[1].times" } };
    await view.send(problem);
    await view.page.locator(".notice-error", { hasText: "components[0].layers[1].times" }).waitFor();
    assert.ok(await view.page.locator("body.outdated .row").first().isVisible());
    await view.page.getByText("Show in Text").click();
    assert.equal((await saidUntil("showText")).field, "components[0].layers[1].times");
    await view.send({ type: "profile", version: 3, name: "small.profile.json", profile: profileOf() });
    await view.page.locator(".notice-error").waitFor({ state: "detached" });
    await view.close();
    view = await openProfileView(browser);
    await view.send(problem);
    assert.match(await view.page.locator(".placeholder").innerText(), /small\.profile\.json cannot be read as a profile.*Expected a number/s);
    await view.send({ type: "problem", version: 1, name: "small.profile.json", kind: "empty", problem: { message: "There is nothing in it yet.", hint: "Run Profile Layers." } });
    assert.match(await view.page.locator(".placeholder").innerText(), /This profile is empty.*Profile Layers/s);
  });

  it("has its state back after a reload", async () => {
    await show({ layers: 300 });
    await heading("Total").click();
    await batch().selectOption("2");
    await unit().selectOption("sample");
    await grid().focus();
    await press("End");
    await view.page.waitForFunction(() => ((window as unknown as { viewState?: { scrollTop?: number } }).viewState?.scrollTop ?? 0) > 1000);
    const [kept, state] = [await active(), await view.page.evaluate(() => (window as unknown as { viewState: unknown }).viewState)];
    await view.close();
    await show({ layers: 300 }, { state });
    assert.equal(await active(), kept);
    assert.equal(await batch().inputValue(), "2");
    assert.equal(await unit().inputValue(), "sample");
    assert.equal(await view.page.getByRole("columnheader", { name: /^Total/ }).getAttribute("aria-sort"), "descending");
    assert.ok(await view.page.locator(".table").evaluate((table) => table.scrollTop > 1000));
    assert.ok((await rows().count()) < 80, "the rows in view and no others");
  });

  it("logs what it does not understand and carries on", async () => {
    await show();
    await view.page.evaluate(() => window.postMessage({ type: "dance" }, "*"));
    assert.match((await saidUntil("log")).message, /dance/);
    assert.equal(await rows().count(), 20);
  });
});
