import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import { alternativesTo } from "../../src/app/alternatives";
import { Judging } from "../../src/editor/judging";
import type { Plan } from "../../src/model/plan";
import { Cancelled } from "../../src/model/errors";
import { moveBoundary } from "../../src/plan/edits";
import { predictPlan } from "../../src/plan/predict";
import { baselines } from "../../src/planner/baselines/baselines";
import type { ViewMessage } from "../../src/protocol/messages";
import { contextOf } from "../../src/simulate/context";
import { clusterOf, planOf, profile } from "./documents";
import { launchBrowser, openView, type ViewPage } from "./page/page";

const cluster = clusterOf(2);
const context = contextOf(profile, cluster);
const inputs = { profile, cluster, context, sha256: { profile: "p", cluster: "c", model: "m" } };

describe("judging a plan in the timeline view", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ViewPage;
  let judging: Judging;
  let saved: Plan | undefined;
  /** A search that ends only when it is called off. */
  let isEndless = false;
  let pump: NodeJS.Timeout | undefined;
  /** Edits that the view asked for. */
  const edits: Extract<ViewMessage, { type: "edit" }>[] = [];
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(async () => {
    clearInterval(pump);
    judging.dispose();
    await view.close();
    saved = undefined;
    isEndless = false;
    edits.length = 0;
  });

  /** Opens the view with the host's answers behind it, as an editor has them but without a worker. */
  async function showPlan(options: Parameters<typeof openView>[1] = {}, isReadOnly = false): Promise<void> {
    view = await openView(browser, options);
    const shown = view;
    let heard = 0;
    judging = new Judging({
      post: (message) => void shown.send(message).catch(() => undefined),
      log: (message) => assert.fail(message),
      searches: () => Promise.resolve({
        alternativesTo,
        baselines: (plan, own, methods, hooks) => (isEndless ? new Promise((_, reject) => hooks?.signal?.addEventListener("abort", () => reject(new Cancelled()))) : baselines(plan, plan.batch.global, own, methods, hooks)),
      }),
      chooseOther: () => Promise.resolve({ name: "b.pipeplan.json", subject: "b.pipeplan.json", plan: planOf(1, 2), context }),
      savedPlan: () => Promise.resolve(saved),
    });
    pump = setInterval(() => {
      for (; heard < shown.said.length; heard++) {
        const message = shown.said[heard];
        if (message.type === "ask") void judging.answer(message.id, message.ask);
        if (message.type === "cancel") judging.cancel(message.id);
        if (message.type === "edit") edits.push(message);
      }
    }, 5);
    await view.send({ type: "inputs", profile, cluster });
    await sendPlan(7, planOf(2, 4), isReadOnly);
    await view.page.locator(".boundary").waitFor();
  }
  async function sendPlan(version: number, plan: Plan, readOnly = false): Promise<void> {
    await view.send({ type: "plan", version, name: "a.pipeplan.json", plan, readOnly, notices: [] });
    judging.now({ version, plan, inputs });
  }
  const tile = (label: string) => view.page.locator(".tile", { has: view.page.locator(".tile-label", { hasText: label }) });
  const value = (label: string) => tile(label).locator(".tile-value").innerText();
  const press = (name: string) => view.page.locator(".judge-bar vscode-button", { hasText: name }).click();
  const panel = () => view.page.locator(".judge");
  const errors = () => view.said.filter((message) => message.type === "log");
  const until = async (what: string, holds: () => boolean | Promise<boolean>) => {
    for (const end = Date.now() + 20_000; Date.now() < end; await view.page.waitForTimeout(20)) if (await holds()) return;
    assert.fail(`did not come about: ${what}`);
  };

  it("has waste, the gap to the bound, the last save and the planner's best in sight, also at 600 pixels", async () => {
    await showPlan({ width: 600 });
    await until("the bound is there", async () => /^\+[\d.]+ %$/.test(await value("Gap to bound")));
    assert.match(await value("Waste"), /%$/);
    assert.equal(await value("Last save"), "–");
    assert.equal(await value("Planner’s best"), "–");
    for (const label of ["Period", "Throughput", "Bubble ratio", "Waste", "Peak memory", "Gap to bound", "Last save", "Planner’s best", "DDP"]) {
      const box = await tile(label).boundingBox();
      assert.ok(box && box.x >= 0 && box.x + box.width <= 600 && box.y + box.height <= 900, label);
      assert.ok(await tile(label).evaluate((node) => node.scrollWidth <= node.clientWidth + 1), `${label} is cut off`);
    }
    assert.deepEqual(errors(), []);
  });

  it("holds the plan and a change that is tried against the last save", async () => {
    await showPlan();
    saved = planOf(1, 8);
    judging.tellStanding();
    await until("the saved plan is known", async () => /^[+−]/.test(await value("Last save")));
    const [own, other] = [planOf(2, 4), planOf(1, 8)].map((plan) => predictPlan(plan, context).timeline.periodMs);
    assert.equal((await value("Last save")).startsWith(own > other ? "+" : "−"), true);
    const [before, bound] = [await value("Last save"), await value("Gap to bound")];
    await view.page.locator(".boundary").focus();
    for (let i = 0; i < 4; i++) await view.page.keyboard.press("ArrowRight");
    assert.notEqual(await value("Last save"), before);
    await until("the bound of the change is there", async () => /^\+/.test(await value("Gap to bound")));
    assert.notEqual(await value("Gap to bound"), bound);
    await view.page.keyboard.press("Escape");
    assert.equal(await value("Last save"), before);
    assert.equal(await value("Gap to bound"), bound);
  });

  it("says why it is slow, and jumps to the slices that it names", async () => {
    await showPlan();
    await press("Why is this slow?");
    await panel().locator(".judge-verdict", { hasText: "bound by" }).waitFor();
    const reasons = panel().locator(".reason");
    assert.ok((await reasons.count()) >= 3);
    const text = await reasons.first().innerText();
    await reasons.first().click();
    assert.match(text, new RegExp(`^${await view.page.locator(".details-title").innerText().then((title) => title.split("\n").at(-1))}`));
    assert.ok(await view.page.locator(".selection-outline").isVisible());
    const [verdict, parts] = [await panel().locator(".judge-verdict").innerText(), await panel().locator(".part-ms").allInnerTexts()];
    await sendPlan(8, moveBoundary(planOf(2, 4), "unet", 0, 8));
    await until("the answer is about the new plan", async () => (await panel().locator(".part-ms").allInnerTexts()).join() !== parts.join());
    assert.notEqual(await panel().locator(".judge-verdict").innerText(), verdict);
    await view.page.keyboard.press("Escape");
    await view.page.keyboard.press("Escape");
    assert.ok(await panel().isHidden());
  });

  it("answers plainly whether pipelining is worth it, every method in a table", async () => {
    await showPlan();
    await press("Is pipelining worth it?");
    await panel().locator("table").waitFor();
    assert.match(await panel().locator(".judge-verdict").first().innerText(), /by this simulation\.$/);
    const rows = await panel().locator("tbody tr th").allInnerTexts();
    assert.match(rows[0], /This plan/);
    for (const name of ["DDP", "GPipe", "1F1B", "cached encodings"]) assert.ok(rows.some((row) => row.includes(name)), name);
    await sendPlan(8, moveBoundary(planOf(2, 4), "unet", 0, 12));
    assert.ok(await panel().getByText("The plan has changed since.").isVisible());
  });

  it("can be called off while it searches", async () => {
    isEndless = true;
    await showPlan();
    await press("Is pipelining worth it?");
    await panel().getByText("Cancel").click();
    await panel().getByText("Called off.").waitFor();
    assert.ok(view.said.some((message) => message.type === "cancel"));
  });

  it("shows the search as points and as a list that go together, and puts a chosen plan in place of the document's", async () => {
    await showPlan();
    await press("Search alternatives");
    await panel().locator(".ranked").first().waitFor();
    const count = await panel().locator(".ranked").count();
    assert.equal(await panel().locator(".scatter .scatter-point").count(), count);
    assert.equal(await panel().locator(".scatter-own").count(), 4);
    assert.equal(await panel().locator(".scatter-limit-label").count(), 1);
    assert.match(await panel().locator("p").first().innerText(), /^\d+ plans were simulated/);
    await panel().locator(".ranking").focus();
    await view.page.keyboard.press("ArrowDown");
    assert.match(await panel().locator(".ranking-title").innerText(), /^Row 2:/);
    assert.equal(await panel().locator('.ranked[aria-selected="true"]').getAttribute("id"), "ranked-1");
    const box = await panel().locator(".scatter-point").nth(0).boundingBox();
    assert.ok(box);
    await view.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    assert.match(await panel().locator(".ranking-title").innerText(), /^Row \d+:/);
    await panel().locator(".ranking").focus();
    await view.page.keyboard.press("Home");
    await panel().getByText("Use this plan").click();
    await until("the edit is asked for", () => edits.length > 0);
    const [{ id, edit }] = edits;
    assert.ok(edit.kind === "replacePlan" && edit.version === 7);
    await view.send({ type: "reply", id });
    await sendPlan(8, edit.plan);
    await until("the planner's best is this plan", async () => (await value("Planner’s best")) === "+0.0 %");
    assert.equal(await panel().getByText("The plan has changed since.").count(), 0, "alternatives are the same ones");
    assert.match(await panel().locator(".ranking-details").innerText(), /\+0\.0 % against this plan/);
  });

  it("does not offer to change a read-only plan, and says why an edit was refused", async () => {
    await showPlan({}, true);
    await press("Search alternatives");
    await panel().getByText("This plan is read-only.").waitFor();
    await sendPlan(8, planOf(2, 4));
    await panel().getByText("Use this plan").click();
    await until("the edit is asked for", () => edits.length > 0);
    await view.send({ type: "reply", id: edits[0].id, error: "The text has changed meanwhile." });
    await panel().getByText("The text has changed meanwhile.").waitFor();
  });

  it("lays another plan beside this one on the same axis, with the difference in words, until Esc", async () => {
    await showPlan();
    const lanes = () => view.page.locator('[role="grid"] [role="row"]').count();
    const before = await lanes();
    await press("Compare with …");
    await panel().getByText("Another plan …").click();
    await panel().locator(".judge-verdict", { hasText: "b.pipeplan.json takes" }).waitFor();
    assert.ok((await lanes()) > before);
    assert.ok((await view.page.locator(".gutter-lane", { hasText: "b.pipeplan.json" }).count()) > 0);
    assert.equal(await view.page.locator(".flag-other").count(), 1);
    assert.match(await panel().locator(".decision-table").innerText(), /micro-batches\s+4\s+2/);
    const lead = await panel().locator(".judge-verdict").innerText();
    await sendPlan(8, moveBoundary(planOf(2, 4), "unet", 0, 8));
    await until("the difference is that of the new plan", async () => (await panel().locator(".judge-verdict").innerText()) !== lead);
    await view.page.locator(".plot").focus();
    await view.page.keyboard.press("Escape");
    assert.equal(await lanes(), before);
    assert.ok(await panel().isHidden());
  });

  it("shows as many iterations of the other plan, and finds what is named where it is folded or another iteration's", async () => {
    await showPlan();
    await press("Compare with …");
    await panel().getByText("Another plan …").click();
    await panel().getByText("Take away").waitFor();
    await view.page.locator('select[aria-label="Iterations"]').selectOption("1");
    const asked = () => view.said.flatMap((message) => (message.type === "ask" && message.ask.kind === "compare" ? [message.ask.iterations] : []));
    await until("the other one is asked for again", () => asked().join() === "2,1");
    await press("Why is this slow?");
    await view.page.locator('.gutter-fold[data-device="0"]').click();
    await view.page.locator('.gutter-fold[data-device="1"]').click();
    for (const reason of await panel().locator(".reason").all()) {
      await reason.click();
      assert.ok(await view.page.locator(".selection-outline").isVisible(), await reason.innerText());
      await view.page.keyboard.press("Escape");
      if (await panel().isHidden()) await press("Why is this slow?");
    }
  });

  it("compares a row, a baseline and the saved plan, and takes each away", async () => {
    saved = planOf(1, 8);
    await showPlan();
    await until("the saved plan is known", async () => /^[+−]/.test(await value("Last save")));
    await view.send({ type: "baselines", version: 7, baselines: [{ title: "GPipe", periodMs: 1000, note: "" }, { title: "1F1B, no filling", periodMs: 1000, note: "" }] });
    const labelled = (name: string) => view.page.locator(".gutter-lane", { hasText: name }).count();
    for (const [choice, label] of [["The saved plan", "saved"], ["1F1B", "1F1B"]] as const) {
      await press("Compare with …");
      await panel().locator(".judge-choices vscode-button", { hasText: choice }).click();
      await panel().getByText("Take away").waitFor();
      assert.ok((await labelled(label)) > 0, label);
      await panel().getByText("Take away").click();
      assert.equal(await labelled(label), 0);
      await press("Compare with …");
    }
    await press("Search alternatives");
    await panel().locator(".judge-actions vscode-button", { hasText: "Compare" }).click();
    await panel().getByText("Take away").waitFor();
    assert.ok((await labelled("row 1")) > 0);
  });

  it("says what of a run took longer than predicted", async () => {
    await showPlan();
    const { timeline } = predictPlan(planOf(2, 4), context);
    const slow = timeline.operations.map((operation) => ({ ...operation, startMs: operation.startMs * 1.2, endMs: operation.endMs * 1.2 }));
    await view.send({ type: "measured", name: "run-1", timeline: { ...timeline, source: "measured", periodMs: timeline.periodMs * 1.2, operations: slow } });
    await press("Compare with …");
    await panel().getByText("Measured run run-1").click();
    assert.match(await panel().locator(".judge-verdict").innerText(), /longer than predicted: .* \(\+20\.0 %\)/);
    assert.match(await panel().locator(".causes").innerText(), /Device \d: backward takes [\d.]+ ms more \(\+20\.0 %\)/);
  });
});
