import assert from "node:assert/strict";
import { alternativesTo } from "../../../src/app/alternatives";
import { Judging, type JudgedPlan, type PlanSearches } from "../../../src/editor/judging";
import { Cancelled } from "../../../src/model/errors";
import { predictedFigures } from "../../../src/plan/predict";
import { baselines } from "../../../src/planner/baselines/baselines";
import { isHostMessage } from "../../../src/protocol/guards";
import type { HostMessage } from "../../../src/protocol/messages";
import { contextOf } from "../../../src/simulate/context";
import { clusterOf, planOf, profile } from "../../webview/documents";

const cluster = clusterOf(2);
const context = contextOf(profile, cluster);
const inputs = { profile, cluster, context, sha256: { profile: "p", cluster: "c", model: "m" } };
const judgedAt = (version: number, stages = 2): JudgedPlan => ({ version, plan: planOf(stages, 4), inputs });

describe("questions about a plan", () => {
  const posted: HostMessage[] = [];
  const calls = { alternatives: 0, baselines: 0 };
  const searches: PlanSearches = {
    alternativesTo(plan, own, hooks) {
      calls.alternatives++;
      if (hooks?.signal?.aborted) return Promise.reject(new Cancelled());
      return alternativesTo(plan, own, hooks);
    },
    baselines(plan, own, methods, hooks) {
      calls.baselines++;
      return baselines(plan, plan.batch.global, own, methods, hooks);
    },
  };
  const judging = new Judging({ post: (message) => posted.push(message), log: (message) => assert.fail(message), searches: () => Promise.resolve(searches), chooseOther: () => Promise.resolve(undefined), savedPlan: () => Promise.resolve(planOf(1, 1)) });
  const reply = (id: number) => posted.find((message): message is Extract<HostMessage, { type: "reply" }> => message.type === "reply" && message.id === id);
  const standing = async () => {
    posted.length = 0;
    judging.tellStanding();
    for (;;) {
      const found = posted.find((message): message is Extract<HostMessage, { type: "standing" }> => message.type === "standing");
      if (found) return found;
      await new Promise((resume) => setTimeout(resume, 10));
    }
  };
  beforeEach(() => {
    posted.length = 0;
    judging.now(judgedAt(1));
  });
  after(() => judging.dispose());
  afterEach(() => assert.deepEqual(posted.filter((message) => !isHostMessage(message)), [], "every message passes the view's guard"));

  it("are refused for another version, and where the text is no plan", async () => {
    await judging.answer(1, { kind: "why", version: 2 });
    assert.match(reply(1)?.error ?? "", /changed meanwhile/);
    judging.now(undefined);
    await judging.answer(2, { kind: "why", version: 1 });
    assert.match(reply(2)?.error ?? "", /changed meanwhile/);
  });

  it("get a bound that the period is not below, and the saved plan's figures", async () => {
    const { standing: found, version } = await standing();
    assert.equal(version, 1);
    assert.ok(found.boundMs !== undefined && found.boundMs > 0 && found.boundMs <= predictedFigures(planOf(2, 4), context).periodMs * (1 + 1e-9));
    assert.equal(found.saved?.periodMs, predictedFigures(planOf(1, 1), context).periodMs);
    assert.equal(found.best, undefined);
    await judging.answer(3, { kind: "bound", plan: planOf(2, 4) });
    assert.deepEqual(reply(3)?.answer, { kind: "bound", boundMs: found.boundMs });
  });

  it("search once for the same inputs, tell how far they are, and then know the planner's best", async () => {
    await judging.answer(4, { kind: "alternatives", version: 1 });
    const first = reply(4)?.answer;
    assert.equal(first?.kind, "alternatives");
    assert.ok(posted.some((message) => message.type === "progress" && message.id === 4));
    judging.now(judgedAt(2, 1));
    await judging.answer(5, { kind: "alternatives", version: 2 });
    assert.deepEqual(reply(5)?.answer, first);
    assert.equal(calls.alternatives, 1);
    await judging.answer(6, { kind: "alternative", version: 2, row: 0 });
    const answer = reply(6)?.answer;
    assert.ok(answer?.kind === "alternative" && first?.kind === "alternatives");
    assert.equal(answer.plan.predicted.periodMs, first.rows[0].periodMs);
    assert.ok((await standing()).standing.best);
  });

  it("lay another plan beside: a row, a baseline, the saved one, and the same again", async () => {
    await judging.answer(7, { kind: "compare", version: 1, other: { of: "alternative", row: 0 }, iterations: 2 });
    await judging.answer(8, { kind: "compare", version: 1, other: { of: "baseline", name: "GPipe" }, iterations: 2 });
    await judging.answer(9, { kind: "compare", version: 1, other: { of: "saved" }, iterations: 2 });
    await judging.answer(10, { kind: "compare", version: 1, other: { of: "same" }, iterations: 2 });
    const names = [7, 8, 9, 10].map((id) => {
      const answer = reply(id)?.answer;
      return answer?.kind === "compare" ? answer.name : undefined;
    });
    assert.deepEqual(names, ["row 1", "GPipe", "saved", "saved"]);
    assert.equal(calls.alternatives, 1, "the row was known already");
  });

  it("search every method once, however often it is asked", async () => {
    await judging.answer(11, { kind: "worth", version: 1 });
    const { baselines: before } = calls;
    await judging.answer(12, { kind: "worth", version: 1 });
    assert.equal(calls.baselines, before);
    const answer = reply(12)?.answer;
    assert.ok(answer?.kind === "worth");
    assert.ok(answer.methods.some(({ name }) => name === "cached encodings"));
    assert.match(answer.verdict, /^Pipelining is .* by this simulation\.$/);
    const period = (name: string) => answer.methods.find((method) => method.name === name)?.figures?.periodMs ?? Infinity;
    const [plain, piped] = [["DDP", "FSDP"], ["GPipe", "1F1B", "interleaved 1F1B", "zero bubble", "DualPipeV", "Chimera"]].map((names) => Math.min(...names.map(period)));
    assert.equal(answer.verdict.startsWith("Pipelining is worth it"), Math.min(piped, answer.plan.periodMs) < plain);
  });

  it("are answered with nothing when they are called off", async () => {
    judging.now({ ...judgedAt(3), inputs: { ...inputs, sha256: { ...inputs.sha256, cluster: "another" } } });
    const asked = judging.answer(13, { kind: "alternatives", version: 3 });
    judging.cancel(13);
    await asked;
    assert.deepEqual(reply(13), { type: "reply", id: 13 });
    await judging.answer(14, { kind: "compare", version: 3, other: { of: "file" }, iterations: 2 });
    assert.deepEqual(reply(14), { type: "reply", id: 14 });
  });
});
