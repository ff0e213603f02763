import assert from "node:assert/strict";
import type { Browser } from "playwright-core";
import type { Plan } from "../../src/model/plan";
import { editedPlan, type PlanEdit } from "../../src/plan/edits";
import { predictPlan } from "../../src/plan/predict";
import type { Edit, ViewMessage } from "../../src/protocol/messages";
import { contextOf } from "../../src/simulate/context";
import { placesOn } from "../../src/timeline/layout/fillPlaces";
import { clusterOf, planOf, profile } from "./documents";
import { launchBrowser, openView, type ViewPage } from "./page/page";

const context = contextOf(profile, clusterOf(2));

describe("changing a plan in the timeline", function () {
  this.timeout(60_000);
  let browser: Browser;
  let view: ViewPage;
  let plan: Plan;
  let version: number;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());
  afterEach(() => view.close());

  async function send(next: Plan, readOnly = false): Promise<void> {
    plan = next;
    version += 1;
    await view.send({ type: "plan", version, name: "a.pipeplan.json", plan, readOnly, notices: [] });
    await view.page.locator(".boundary").waitFor();
  }
  async function open(next: Plan = planOf(2, 4)): Promise<void> {
    version = 6;
    view = await openView(browser);
    await view.send({ type: "inputs", profile, cluster: clusterOf(2) });
    await send(next);
  }
  const messages = () => view.said.filter((message): message is Extract<ViewMessage, { type: "edit" }> => message.type === "edit");
  const errors = () => view.said.filter((message) => message.type === "log");
  /** The edit that the view asks for next; the test's host makes it, as the real one does. */
  async function asked(from: number): Promise<Edit> {
    for (const end = Date.now() + 10_000; messages().length <= from && Date.now() < end; ) await view.page.waitForTimeout(10);
    const message = messages()[from];
    assert.ok(message, "the view asked for no edit");
    return message.edit;
  }
  async function made(from: number): Promise<Edit> {
    const edit = await asked(from);
    await send(editedPlan(plan, edit as PlanEdit, context.workload));
    await view.send({ type: "reply", id: messages()[from].id });
    return edit;
  }
  const title = () => view.page.locator(".details-title").innerText();
  const details = () => view.page.locator(".details").innerText();
  /** Where the middle of a fill is on the screen. */
  async function middleOf(fill: number): Promise<{ readonly x: number; readonly y: number }> {
    const { timeline } = predictPlan(plan, context);
    const { component, from, device } = plan.fills[fill];
    const operation = timeline.operations.find((other) => other.op === "FILL" && other.device === device && other.component === component && other.layers?.[0] === from);
    assert.ok(operation);
    return pointOf(device, (operation.startMs + operation.endMs) / 2);
  }
  async function pointOf(device: number, ms: number): Promise<{ readonly x: number; readonly y: number }> {
    const box = await view.page.locator(".plot").boundingBox();
    const ticks = await view.page.locator(".tick:not([hidden])").evaluateAll((nodes) => nodes.map((node) => ({ x: parseFloat((node as HTMLElement).style.translate), text: node.textContent ?? "" })));
    const lane = await view.page.locator(".gutter-device").nth(device).boundingBox();
    assert.ok(box && lane);
    const msOf = (text: string) => Number(text.replace(/[\s\u202f]/g, "").replace("−", "-").replace(/ms|s$/, "")) * (/\dms/.test(text.replace(/[\s\u202f]/g, "")) ? 1 : 1000);
    const [first, last] = [ticks[0], ticks[ticks.length - 1]];
    const perMs = (last.x - first.x) / (msOf(last.text) - msOf(first.text));
    return { x: box.x + first.x + (ms - msOf(first.text)) * perMs, y: lane.y + 20 };
  }

  it("drags a fill to another bubble: a preview on the way, one edit at the end, and it stays selected", async () => {
    await open();
    const from = await middleOf(1);
    const places = placesOn(predictPlan(plan, context).timeline, 0);
    const target = places.find(({ anchor }) => anchor.op === "B" && anchor.microbatch === 2)!;
    const to = await pointOf(0, target.atMs - 1);
    await view.page.mouse.move(from.x, from.y);
    await view.page.mouse.down();
    await view.page.mouse.move(to.x, to.y, { steps: 12 });
    assert.match(await view.page.locator(".drag-note").innerText(), /before B2 of stage 0: period .* \([+−]/);
    assert.deepEqual(messages(), [], "nothing is written before the pointer is up");
    await view.page.mouse.up();
    assert.deepEqual(await made(0), { kind: "moveFill", version: 7, fill: 1, device: 0, before: { op: "B", chain: "unet", stage: 0, microbatch: 2 } });
    await view.page.locator(".drag-note").waitFor({ state: "hidden" });
    await view.page.getByText("Unpin").waitFor();
    assert.match(await title(), /Frozen work/);
    assert.deepEqual(errors(), []);
  });

  it("leaves a dragged fill where it is on Esc, and where it was let go at its own place", async () => {
    await open();
    const from = await middleOf(1);
    await view.page.mouse.move(from.x, from.y);
    await view.page.mouse.down();
    await view.page.mouse.move(from.x + 200, from.y, { steps: 5 });
    await view.page.locator(".drag-note").waitFor();
    await view.page.keyboard.press("Escape");
    await view.page.locator(".drag-note").waitFor({ state: "hidden" });
    await view.page.mouse.up();
    assert.deepEqual(messages(), []);
  });

  it("says why a place is refused, and changes nothing", async () => {
    await open();
    // The later half of the encoder runs right after the first; behind the flush it would come before its input.
    const from = await middleOf(2);
    const early = await pointOf(0, placesOn(predictPlan(plan, context).timeline, 0)[0].atMs);
    await view.page.mouse.move(from.x, from.y);
    await view.page.mouse.down();
    await view.page.mouse.move(early.x - 2, early.y, { steps: 8 });
    assert.match(await view.page.locator(".drag-note").innerText(), /stand before frozen work/);
    await view.page.keyboard.press("Escape");
    await view.page.mouse.up();
    assert.deepEqual(messages(), []);
  });

  it("makes every edit of a fill by keyboard, each as one edit", async () => {
    await open();
    const from = await middleOf(1);
    await view.page.mouse.click(from.x, from.y);
    assert.match(await details(), /vae/);
    const keys = [["v", "splitFill"], ["m", "mergeFill"], ["p", "pinFill"], ["Alt+ArrowRight", "moveFill"], ["Alt+ArrowLeft", "moveFill"], ["Alt+ArrowDown", "moveFill"], ["x", "evictFill"]] as const;
    for (const [index, [key, kind]] of keys.entries()) {
      await view.page.keyboard.press(key);
      const edit = await made(index);
      assert.equal(edit.kind, kind, key);
      await view.page.locator(".fill-actions").waitFor();
    }
    assert.deepEqual(errors(), []);
  });

  it("offers the same as buttons, and says what cannot be done", async () => {
    await open();
    const from = await middleOf(1);
    await view.page.mouse.click(from.x, from.y);
    const buttons = view.page.locator(".fill-actions vscode-button");
    assert.deepEqual(await buttons.allInnerTexts(), ["Pin", "Earlier", "Later", "Device above", "Device below", "After the flush", "Split", "Merge"]);
    assert.equal(await view.page.locator(".fill-actions vscode-button[disabled]").allInnerTexts().then((texts) => texts.join()), "Device above,Merge");
    await buttons.getByText("Split").click();
    assert.equal((await made(0)).kind, "splitFill");
  });

  it("changes and pins decisions of the plan, and waits for the planner", async () => {
    await open();
    const bar = view.page.getByRole("region", { name: "Decisions" });
    await bar.getByLabel("Schedule", { exact: true }).selectOption("gpipe");
    assert.deepEqual(await asked(0), { kind: "change", version: 7, change: { schedule: "gpipe" } });
    await bar.getByText("Planning …").waitFor();
    assert.ok(await bar.getByLabel("Stages", { exact: true }).isDisabled());
    await view.send({ type: "reply", id: messages()[0].id, error: "It would not fit." });
    await view.page.getByText("It would not fit.").waitFor();
    assert.equal(await bar.getByLabel("Schedule", { exact: true }).inputValue(), "1f1b", "what was refused is taken back");
    await bar.getByLabel("Pin the schedule").click();
    assert.deepEqual(await made(1), { kind: "pin", version: 7, pin: "schedule", pinned: true });
    await bar.locator('[aria-label="Pin the schedule"][aria-pressed="true"]').waitFor();
    await bar.getByLabel("Global batch").fill("16");
    await bar.getByLabel("Global batch").press("Enter");
    assert.deepEqual(await asked(2), { kind: "change", version: 8, change: { batch: 16 } });
    await view.send({ type: "reply", id: messages()[2].id });
    for (const [index, [name, kind]] of ([["Fill again", "refill"], ["Improve", "improve"]] as const).entries()) {
      await bar.getByText(name, { exact: true }).click();
      assert.equal((await asked(3 + index)).kind, kind);
      await view.send({ type: "reply", id: messages()[3 + index].id });
      await bar.getByText("Improve", { exact: true }).waitFor();
    }
    assert.deepEqual(errors(), []);
  });

  it("pins a boundary by keyboard and by double click", async () => {
    await open();
    await view.page.locator(".boundary").focus();
    await view.page.keyboard.press("p");
    assert.deepEqual(await made(0), { kind: "pin", version: 7, pin: "boundary:unet:0", pinned: true });
    await view.page.locator(".boundary.pinned").waitFor();
    assert.match((await view.page.locator(".boundary").getAttribute("aria-valuetext")) ?? "", /pinned/);
    await view.page.locator(".boundary").dblclick();
    assert.deepEqual(await made(1), { kind: "pin", version: 8, pin: "boundary:unet:0", pinned: false });
  });

  it("changes nothing of a read-only plan", async () => {
    await open();
    await send(planOf(2, 4), true);
    const from = await middleOf(1);
    await view.page.mouse.click(from.x, from.y);
    await view.page.keyboard.press("x");
    assert.equal(await view.page.locator(".fill-actions").count(), 0);
    assert.ok(await view.page.getByLabel("Stages", { exact: true }).isDisabled());
    assert.deepEqual(messages(), []);
  });
});
