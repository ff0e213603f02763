import { strict as assert } from "node:assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compare, comparePlan } from "../../../src/app/compare";
import { planCommand } from "../../../src/app/commandLine/plan";
import { amountNamed, makePlan, StoppedEarly, type PlanOptions } from "../../../src/app/plan";
import { openPlan } from "../../../src/app/planFiles";
import { workerSearches } from "../../../src/app/searchWorker";
import { simulatePlan } from "../../../src/app/simulate";
import { writeDocument } from "../../../src/formats/document";
import { planFormat } from "../../../src/formats/plan";
import { Cancelled, UserError } from "../../../src/model/errors";
import type { Plan } from "../../../src/model/plan";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { foreignCluster, foreignProfile, inFolder } from "./foreign";

const inputsAt = (at: (name: string) => string) => ({ profile: at("odd name.profile.json"), cluster: at("c.cluster.json"), plan: at("p.pipeplan.json") });

async function planned(at: (name: string) => string, options: PlanOptions): Promise<string> {
  const inputs = inputsAt(at);
  const { plan } = await makePlan(nodeFiles, inputs, options);
  await writeDocument(planFormat, nodeFiles, inputs.plan, plan);
  return inputs.plan;
}

describe("planning from files", () => {
  it("plans, writes, reads, simulates and compares what another program profiled", () =>
    inFolder(foreignProfile(), foreignCluster(), async (at) => {
      const { plan, rows, report } = await makePlan(nodeFiles, inputsAt(at), { batch: 16 });
      const { fills, boundMs } = report();
      assert(boundMs > 0 && boundMs <= plan.predicted.periodMs * (1 + 1e-9));
      assert.equal(rows[0].predicted?.periodMs, plan.predicted.periodMs);
      const file = await planned(at, { batch: 16 });
      const opened = await openPlan(nodeFiles, file);
      assert.deepEqual(opened.plan, plan);
      assert.deepEqual(opened.stale, []);
      const { timeline, program } = await simulatePlan(nodeFiles, file);
      assert(Math.abs(timeline.periodMs - plan.predicted.periodMs) <= 1e-9 * timeline.periodMs);
      assert.equal(program.worldSize, 4);
      assert(fills.share > 0 && fills.share <= 1 && fills.devices.length === 4);
      const frozenMs = fills.devices.reduce((ms, device) => ms + device.frozenMs, 0);
      assert(Math.abs(frozenMs - ((6 + 5 + 7) / 4) * 16) < 1e-6, "one batch size: times in proportion, whatever the batch");
      const comparison = await comparePlan(nodeFiles, file);
      assert.deepEqual(comparison.baselines.map(({ name }) => name), ["DDP", "GPipe", "1F1B", "FSDP", "interleaved 1F1B", "zero bubble", "DualPipeV", "Chimera", "cached encodings"]);
      assert.deepEqual(comparison.fills, fills);
      const periods = new Map(comparison.baselines.map(({ name, best }) => [name, best?.predicted.periodMs ?? Infinity]));
      const cached = periods.get("cached encodings") ?? NaN;
      periods.delete("cached encodings");
      const fastest = Math.min(...periods.values());
      assert(cached < plan.predicted.periodMs && comparison.caching?.includes(`${(plan.predicted.periodMs / cached).toFixed(3)} times as fast`), comparison.caching);
      assert.equal(comparison.verdict.startsWith("This plan is the fastest"), plan.predicted.periodMs <= fastest * (1 + 1e-6));
    })).timeout(20_000);

  it("writes the fastest plan that the trainer runs, and says by how much another is faster; of all schedules the fastest", async () => {
    const media = (name: string) => join(process.cwd(), "media", name);
    const inputs = { profile: media("profiles/stable-diffusion-2-1-512.a100-80gb.profile.json"), cluster: media("clusters/a100-80gb-x8.cluster.json"), plan: join(process.cwd(), "p.pipeplan.json") };
    const { plan, faster, rows } = await makePlan(nodeFiles, inputs, { batch: 64, microbatches: 2 });
    const simulated = rows.filter(({ status }) => status === "simulated");
    const least = Math.min(...simulated.map(({ predicted }) => predicted?.periodMs ?? Infinity));
    const leastRun = Math.min(...simulated.map(({ predicted, runnable }) => (runnable ? (predicted?.periodMs ?? Infinity) : Infinity)));
    assert.equal(plan.runnable, true);
    assert.equal(plan.predicted.periodMs, leastRun);
    assert.equal(faster !== undefined, least < leastRun * (1 - 1e-6));
    if (faster !== undefined) assert(faster.includes(`${(leastRun / least).toFixed(3)} times as fast`), faster);
    const best = await makePlan(nodeFiles, inputs, { batch: 64, microbatches: 1, schedule: "zb-v" });
    assert(best.plan.schedule.name === "zb-v" && best.plan.runnable !== true && best.faster === undefined);
    const told = await makePlan(nodeFiles, inputs, { batch: 64, microbatches: 1 });
    assert(told.plan.runnable === true && told.faster !== undefined && told.plan.predicted.periodMs > best.plan.predicted.periodMs);
  }).timeout(60_000);

  it("a changed cluster is noticed", () =>
    inFolder(foreignProfile(), foreignCluster(), async (at) => {
      const file = await planned(at, { batch: 8, microbatches: 2 });
      await writeFile(at("c.cluster.json"), JSON.stringify(foreignCluster(9e9)));
      assert.deepEqual((await openPlan(nodeFiles, file)).stale, ["cluster"]);
    }));

  it("says so when a baseline wins", () =>
    inFolder(foreignProfile(), foreignCluster(), async (at) => {
      // One micro-batch through four stages: three of four devices always idle.
      const file = await planned(at, { batch: 16, stages: 4, microbatches: 1, fill: false, schedule: "gpipe" });
      const { baselines, verdict } = await comparePlan(nodeFiles, file);
      const winner = baselines.filter(({ name }) => name !== "cached encodings").reduce((best, row) => ((row.speedUp ?? Infinity) < (best.speedUp ?? Infinity) ? row : best));
      assert(winner.speedUp! < 1);
      assert(verdict.startsWith(`${winner.name} would be faster`), verdict);
    }));

  it("refuses an empty chain, and says by how much nothing fits", async () => {
    const profile = foreignProfile();
    await inFolder({ ...profile, chains: [...(profile.chains as unknown[]), { id: "second", segments: [] }] }, foreignCluster(), async (at) => {
      await assert.rejects(planned(at, { batch: 16 }), (error) => error instanceof UserError && /chains/.test(error.message));
    });
    await inFolder(profile, foreignCluster(5e6), async (at) => {
      // Four stages of two layers hold 8 MB of weights and gradients, 16 MB of states each, and 3 MB of frozen layers.
      await assert.rejects(planned(at, { batch: 16 }), (error) => error instanceof UserError && Number(/misses (\d+) MB/.exec(error.message)?.[1]) >= 6);
    });
  });

  it("fills as it is told, and says which setting is wrong", () =>
    inFolder(foreignProfile(), foreignCluster(), async (at) => {
      const kind = { batch: 16, schedule: "1f1b", stages: 4, microbatches: 4 } as const;
      /** Layers times samples of the next iteration's frozen work before passes. */
      const early = ({ fills }: Plan) => fills.filter(({ iteration, before }) => iteration !== 0 && before.op !== "OPTIM").reduce((sum, { from, to, samples: [a, b] }) => sum + (to - from) * (b - a), 0);
      const earlyAt = async (options: Pick<PlanOptions, "fillMargin" | "smallestBubbleMs">) => early((await makePlan(nodeFiles, inputsAt(at), { ...kind, ...options })).plan);
      const [usual, wide, none] = [await earlyAt({}), await earlyAt({ fillMargin: 0.9 }), await earlyAt({ smallestBubbleMs: 1e6 })];
      assert(wide < 0.5 * usual && none === 0, `${usual}, ${wide}, ${none}`);
      const elsewhere = await makePlan(nodeFiles, inputsAt(at), { ...kind, fillMargin: 0.9 }, {}, workerSearches(join(process.cwd(), "dist")).searchPlan);
      assert.equal(early(elsewhere.plan), wide);
      const files = ["--profile", at("odd name.profile.json"), "--cluster", at("c.cluster.json"), "--batch", "16", "-o", at("p.pipeplan.json")];
      for (const [option, value] of [["--fill-margin", "1"], ["--fill-margin", "-0.1"], ["--fill-margin", "a tenth"], ["--fill-margin", ""], ["--smallest-bubble", "-1"], ["--smallest-bubble", "Infinity"]]) {
        await assert.rejects(planCommand.run([...files, `${option}=${value}`], new AbortController().signal), (error) => error instanceof UserError && error.message.startsWith(`${option} takes a number`));
      }
    })).timeout(20_000);

  it("takes settings that are numbers in range, and none", () => {
    assert.deepEqual([undefined, null, 0, 0.5, "0.25"].map((given) => amountNamed(given, "it", 1)), [undefined, undefined, 0, 0.5, 0.25]);
    assert.equal(amountNamed(7, "it"), 7);
    for (const given of [1, -1e-9, NaN, "", " ", "1,5", true, [], {}]) assert.throws(() => amountNamed(given, "it", 1), { name: "UserError", message: /^it takes a number of at least 0 and below 1, found / });
  });

  it("hands over the best plan so far where it is stopped, with a worker or without", () =>
    inFolder(foreignProfile(), foreignCluster(), async (at) => {
      const inputs = inputsAt(at);
      for (const search of [undefined, workerSearches(join(process.cwd(), "dist")).searchPlan]) {
        const abort = new AbortController();
        const found: number[] = [];
        const onBest = ({ predicted }: Plan) => {
          found.push(predicted.periodMs);
          abort.abort();
        };
        await assert.rejects(makePlan(nodeFiles, inputs, { batch: 64 }, { signal: abort.signal, onBest }, search), (error) => error instanceof StoppedEarly && error.best.predicted.periodMs === found[found.length - 1]);
        const all: number[] = [];
        const { plan } = await makePlan(nodeFiles, inputs, { batch: 64, schedule: "1f1b" }, { onBest: ({ predicted }) => all.push(predicted.periodMs) }, search);
        assert.equal(all.at(-1), plan.predicted.periodMs);
        assert.deepEqual(all, [...all].sort((a, b) => b - a));
      }
    })).timeout(20_000);

  it("searches in a worker what is searched without one, and ends it when cancelled", () =>
    inFolder(foreignProfile(), foreignCluster(), async (at) => {
      const inputs = inputsAt(at);
      const elsewhere = workerSearches(join(process.cwd(), "dist"));
      const seen: number[] = [];
      const there = await makePlan(nodeFiles, inputs, { batch: 8 }, { onProgress: (done) => seen.push(done) }, elsewhere.searchPlan);
      const here = await makePlan(nodeFiles, inputs, { batch: 8 });
      assert.deepEqual({ ...there, report: there.report() }, { ...here, report: here.report() });
      assert.equal(seen.at(-1), here.rows.length);
      const abort = new AbortController();
      await assert.rejects(makePlan(nodeFiles, inputs, { batch: 64 }, { signal: abort.signal, onProgress: () => abort.abort() }, elsewhere.searchPlan), Cancelled);
      await assert.rejects(makePlan(nodeFiles, inputs, { batch: 7, microbatches: 2 }, {}, elsewhere.searchPlan), UserError);
      await writeDocument(planFormat, nodeFiles, inputs.plan, here.plan);
      const { plan, context } = await openPlan(nodeFiles, inputs.plan);
      assert.deepEqual(await elsewhere.compare(plan, context), await compare(plan, context));
    })).timeout(20_000);

  it("answers searches that are asked for at once, and later ones in the worker that rests, which keeps no process alive", () =>
    inFolder(foreignProfile(), foreignCluster(), async (at) => {
      const inputs = inputsAt(at);
      const elsewhere = workerSearches(join(process.cwd(), "dist"));
      const planOf = async (batch: number) => (await makePlan(nodeFiles, inputs, { batch, schedule: "1f1b" }, {}, elsewhere.searchPlan)).plan;
      let begun = 0;
      const count = () => void begun++;
      process.on("worker", count);
      const [one, two] = await Promise.all([planOf(8), planOf(16)]);
      const together = begun;
      assert.deepEqual([await planOf(8), await planOf(16)], [one, two]);
      process.off("worker", count);
      assert.equal(begun, together);
      assert.equal(process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length, 0);
    })).timeout(20_000);
});
