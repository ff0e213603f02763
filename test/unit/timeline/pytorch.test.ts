import assert from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../../src/model/errors";
import { timelineFormat } from "../../../src/formats/timeline";
import { communicationOf, meaningOf } from "../../../src/timeline/import/names";
import { importTraces } from "../../../src/timeline/import/pytorch";
import { Stretches } from "../../../src/timeline/import/stretches";
import { readTrace } from "../../../src/timeline/import/traceFile";

interface Event {
  readonly name: string;
  readonly cat?: string;
  readonly ts: number;
  readonly dur: number;
  readonly pid?: number | string;
  readonly tid?: number | string;
  readonly args?: object;
}

const annotation = (name: string, ts: number, dur: number, more: Partial<Event> = {}): Event => ({ name, cat: "user_annotation", ts, dur, ...more });
const operator = (name: string, ts: number, dur: number, more: Partial<Event> = {}): Event => ({ name, cat: "cpu_op", ts, dur, ...more });

function traceText(events: readonly Event[], head: object = {}): string {
  return JSON.stringify({ ...head, traceEvents: events.map((event) => ({ ph: "X", pid: 1, tid: 1, ...event })) });
}
const trace = (rank: number, events: readonly Event[], head: object = { baseTimeNanoseconds: 1e15 }) => readTrace(traceText(events, { ...head, distributedInfo: { rank, world_size: 2 } }), `r${rank}.json`);
const brief = ({ timeline }: ReturnType<typeof importTraces>) => timeline.operations.map(({ device, op, stage, microbatch, iteration, startMs, endMs }) => [device, op, stage, microbatch, iteration, startMs, endMs]);

describe("names in PyTorch's traces", () => {
  it("say what a schedule did", () => {
    assert.deepEqual(meaningOf("Forward 12"), { op: "F", microbatch: 12 });
    assert.deepEqual(meaningOf("Backward 0"), { op: "B", microbatch: 0 });
    assert.deepEqual(meaningOf("PP:3W1"), { op: "W", stage: 3, microbatch: 1 });
    assert.deepEqual(meaningOf("PP:0SEND_F2"), { op: "SEND", channel: "forward", stage: 0, microbatch: 2 });
    assert.deepEqual(meaningOf("PP:1RECV_B0"), { op: "RECV", channel: "backward", stage: 1, microbatch: 0 });
    assert.deepEqual(meaningOf("PP:2UNSHARD"), { op: "UNSHARD", stage: 2 });
    assert.deepEqual(meaningOf("PP:1REDUCE_GRAD"), { op: "REDUCE", stage: 1 });
    assert.deepEqual(meaningOf("PP:(0F4;7B1)OVERLAP_F_B"), { op: "OVERLAP_F_B", stage: 0, microbatch: 4 });
    assert.deepEqual(meaningOf("Optimizer.step#AdamW.step"), { op: "OPTIM" });
    assert.deepEqual(meaningOf("vae", new Set(["vae"])), { op: "FILL", component: "vae" });
  });
  it("say nothing where they are not a schedule's", () => {
    for (const name of ["Forward", "Forward x", "forward 1", "PP:", "PP:0RESHARD", "PP:0toString1", "PP:0F1 ", "Optimizer.zero_grad#SGD.zero_grad", "vae", "PP:(OVERLAP_F_B", `Forward ${"9".repeat(40)}`]) assert.equal(meaningOf(name), undefined, name);
  });
  it("say which way a communication goes, or that nobody knows", () => {
    assert.deepEqual(["c10d::recv_", "gloo:send", "c10d::allreduce_", "ncclDevKernel_AllGather_RING", "ncclDevKernel_SendRecv(x)", "aten::send"].map(communicationOf), ["RECV", "SEND", "REDUCE", "UNSHARD", undefined, undefined]);
  });
});

describe("traces of PyTorch's profiler", () => {
  const step = (number: number, ts: number) => annotation(`ProfilerStep#${number}`, ts, 1000);

  it("become passes as long as the device computed, waiting left out, on one clock", () => {
    const first = trace(0, [step(5, 0), annotation("Forward 0", 100, 200), operator("aten::linear", 110, 100), operator("c10d::send", 250, 20), annotation("Backward 0", 400, 300), operator("c10d::recv_", 401, 2), operator("autograd::run", 600, 90, { tid: 7 })]);
    const second = trace(1, [step(5, 0), annotation("Forward 0", 0, 350), operator("c10d::recv_", 1, 1), operator("aten::linear", 200, 100), annotation("Backward 0", 360, 100), operator("autograd::run", 370, 50), operator("c10d::send", 430, 20)], { baseTimeNanoseconds: 1e15 + 100_000 });
    const imported = importTraces([second, first], { globalBatch: 4 });
    assert.deepEqual(brief(imported), [
      [0, "F", 0, 0, 5, 0.009, 0.109], [0, "SEND", 0, 0, 5, 0.149, 0.169], [0, "RECV", 0, 0, 5, 0.3, 0.499], [0, "B", 0, 0, 5, 0.499, 0.589],
      [1, "RECV", 1, 0, 5, 0, 0.199], [1, "F", 1, 0, 5, 0.199, 0.299], [1, "B", 1, 0, 5, 0.369, 0.419], [1, "SEND", 1, 0, 5, 0.429, 0.449],
    ]);
    const { timeline, notPlaced } = imported;
    assert.deepEqual(notPlaced, []);
    assert.deepEqual(timeline.operations[5].deps, [0], "micro-batch 0 came from stage 0");
    assert.deepEqual(timeline.operations[3].deps, [0, 6], "after the pass before it, with the gradient of stage 1");
    assert.deepEqual([timeline.operations[1].peer, timeline.operations[2].peer, timeline.operations[4].peer], [1, 1, 0]);
    assert.deepEqual(timeline.devices.map(({ name }) => name), ["rank 0: cpu", "rank 1: cpu"]);
    assert.ok(Math.abs(timeline.periodMs - 0.589) < 1e-9 && Math.abs(timeline.throughputPerSecond - 4 / 0.589e-3) < 1e-6);
    assert.ok(Math.abs(timeline.bubbleRatio - (1 - 0.34 / (2 * 0.589))) < 1e-9);
    assert.equal(timeline.clockSkewMs, 0);
  });

  it("say how far clocks are off at least, where an effect comes before its cause", () => {
    const ranks = [0, 1].map((rank) => trace(rank, [annotation("PP:0F0".replace("0F", `${rank}F`), 0, 100), operator("aten::mm", 10, 80)]));
    assert.ok(Math.abs((importTraces(ranks).timeline.clockSkewMs ?? 0) - 0.08) < 1e-9);
  });

  it("take a GPU's kernels in place of the operators that launched them, also those of autograd's thread", () => {
    const kernel = (name: string, ts: number, dur: number, correlation: number, more: object = {}): Event => ({ name, cat: "kernel", ts, dur, pid: 0, tid: 7, args: { correlation, ...more } });
    const launch = (ts: number, correlation: number, tid = 1): Event => ({ name: "cudaLaunchKernel", cat: "cuda_runtime", ts, dur: 1, tid, args: { correlation } });
    const events = [
      annotation("Backward 2", 0, 100), operator("aten::mm", 1, 50), launch(10, 1, 99), launch(20, 2, 99), launch(30, 3), launch(500, 4),
      kernel("gemm", 1000, 50, 1), kernel("gemm", 1060, 40, 2), kernel("ncclDevKernel_SendRecv", 1110, 30, 3, { "Collective name": "send" }), kernel("vectorized_add", 2000, 5, 4), kernel("lost", 1, 1, 77),
    ];
    const imported = importTraces([readTrace(traceText(events, { deviceProperties: [{ name: "NVIDIA A100" }] }), "a.json")]);
    assert.deepEqual(imported.timeline.operations.map(({ op, startMs, endMs }) => [op, startMs, endMs]), [["B", 0, 0.1], ["SEND", 0.11, 0.14]]);
    assert.equal(imported.timeline.devices[0].name, "rank 0: NVIDIA A100");
    assert.deepEqual(imported.notPlaced, [{ name: "vectorized_add", count: 1, ms: 0.005 }, { name: "lost (without its launch)", count: 1, ms: 0.001 }]);
  });

  it("list what has no place once, by the name that says most, with how often and how long", () => {
    const { notPlaced, timeline } = importTraces([trace(0, [
      step(1, 0), annotation("train_step", 0, 900), annotation("Forward 0", 10, 100), operator("aten::mm", 20, 50),
      annotation("load images", 200, 100), operator("aten::stack", 210, 50), operator("aten::item", 400, 30), operator("aten::item", 450, 10),
      annotation("text_encoder", 500, 100), operator("aten::mm", 510, 80), annotation("Forward 1", 2000, 10),
    ])], { components: ["text_encoder"] });
    assert.deepEqual(notPlaced, [{ name: "load images", count: 1, ms: 0.1 }, { name: "aten::item", count: 2, ms: 0.04 }, { name: "Forward 1 (outside of every ProfilerStep)", count: 1, ms: 0.01 }]);
    assert.deepEqual(timeline.operations.map(({ op, component }) => [op, component]), [["F", undefined], ["FILL", "text_encoder"]]);
  });

  it("have the collectives that their backend annotates, wherever they run", () => {
    const { timeline, notPlaced } = importTraces([trace(0, [step(2, 0), annotation("Backward 0", 0, 50), operator("c10d::allreduce_", 40, 2), annotation("gloo:all_reduce", 41, 60, { tid: 9 }), operator("c10d::allreduce_", 200, 1), annotation("gloo:all_reduce", 200, 10)])]);
    assert.deepEqual(timeline.operations.map(({ op, stream, iteration, stage, endMs }) => [op, stream, iteration, stage, endMs]), [["B", "compute", 2, 0, 0.05], ["REDUCE", "communication", 2, undefined, 0.101], ["REDUCE", "communication", 2, undefined, 0.21]]);
    assert.deepEqual(notPlaced, []);
  });

  it("count iterations by themselves where the profiler took no steps", () => {
    const events = [0, 1, 2].flatMap((iteration) => [annotation("PP:0F0", iteration * 100, 40), annotation("PP:0B0", iteration * 100 + 50, 40)]);
    const { timeline } = importTraces([trace(0, events)]);
    assert.deepEqual(timeline.operations.map(({ iteration }) => iteration), [0, 0, 1, 1, 2, 2]);
    assert.ok(Math.abs(timeline.periodMs - 0.1) < 1e-9);
  });

  it("of several processes in one file are a rank each", () => {
    const events = [1, 0].flatMap((rank) => [annotation("Forward 0", rank * 50, 40, { pid: 700 + rank }), operator("aten::mm", rank * 50 + 5, 30, { pid: 700 + rank })]);
    const text = JSON.stringify([...JSON.parse(traceText(events)).traceEvents, { ph: "M", name: "process_name", pid: 700, args: { name: "rank 1" } }, { ph: "M", name: "process_name", pid: 701, args: { name: "rank 0" } }]);
    const { timeline } = importTraces([readTrace(text, "both.json")]);
    assert.deepEqual(timeline.operations.map(({ device, startMs }) => [device, startMs]), [[0, 0.05], [1, 0]]);
  });

  it("say what they assume: stages, clocks, ranks that are missing", () => {
    const events = [annotation("Forward 0", 7, 40), annotation("Backward 0", 60, 40)];
    const one = readTrace(traceText(events, { distributedInfo: { rank: 0, world_size: 4 } }), "a.json");
    const other = readTrace(traceText(events.map((event) => ({ ...event, ts: event.ts + 5000 })), { distributedInfo: { rank: 1, world_size: 4 } }), "b.json");
    const { timeline, notes } = importTraces([one, other]);
    assert.deepEqual(timeline.operations.map(({ startMs }) => startMs), [0, 0.053, 0, 0.053]);
    assert.match(notes.join(" "), /side by side at the start of iteration 0.*had 4 ranks; 2 of them.*do not say their stage.*Throughput is left at 0/);
  });

  it("are refused with file and field", () => {
    const refusal = (text: string) => {
      try {
        readTrace(text, "x.json");
      } catch (error) {
        assert.ok(error instanceof UserError);
        return error.message;
      }
      return assert.fail("it was read");
    };
    assert.match(refusal("{"), /^x\.json: This is not JSON/);
    assert.match(refusal("{}"), /^x\.json: traceEvents: /);
    assert.match(refusal('{"traceEvents":[5]}'), /^x\.json: traceEvents\[0\]: /);
    assert.match(refusal(traceText([annotation("Forward 0", 0, 1), { ...annotation("Forward 1", 0, 1), dur: "long" as unknown as number }])), /^x\.json: traceEvents\[1\]\.dur: /);
    assert.match(refusal(traceText([annotation("Forward 0", 0, -1)])), /traceEvents\[0\]\.dur/);
    assert.match(refusal(traceText([], { distributedInfo: { rank: -1 } })), /distributedInfo\.rank/);
    assert.throws(() => importTraces([trace(0, [annotation("load", 0, 1), operator("aten::mm", 5, 1)])]), /r0\.json: traceEvents: Nothing in it is named.*"load"/);
    assert.throws(() => importTraces([trace(1, [annotation("Forward 0", 0, 1)]), { ...trace(1, [annotation("Forward 0", 0, 1)]), file: "again.json" }]), /again\.json: distributedInfo\.rank: It is of rank 1, as r1\.json is/);
  });

  it("whatever they hold become a timeline that its format takes, or an error for people", () => {
    const names = ["Forward 0", "Backward 1", "PP:1F0", "PP:0SEND_F0", "PP:(0F0;1B0)OVERLAP_F_B", "ProfilerStep#3", "aten::mm", "c10d::send", "ncclKernel_AllReduce", "__proto__", "Optimizer.step#A.step", "gemm"];
    const event = fc.record({
      ph: fc.constantFrom("X", "X", "X", "M", "i"), name: fc.constantFrom(...names), cat: fc.constantFrom("user_annotation", "user_annotation", "cpu_op", "kernel", "cuda_runtime", "constructor"),
      ts: fc.double({ min: -1e6, max: 1e6, noNaN: true }), dur: fc.double({ min: 0, max: 1e5, noNaN: true }), pid: fc.constantFrom(0, 1, "GPU"), tid: fc.nat({ max: 2 }), args: fc.constantFrom(undefined, {}, { correlation: 1 }, { name: "rank 0" }),
    });
    let placed = 0;
    fc.assert(fc.property(fc.array(fc.array(event, { maxLength: 25 }), { minLength: 1, maxLength: 3 }), (files) => {
      try {
        const { timeline } = importTraces(files.map((traceEvents, index) => readTrace(JSON.stringify({ traceEvents }), `${index}.json`)));
        const { success, data } = timelineFormat.schema.safeParse(timeline);
        assert.ok(success && timelineFormat.check?.(data) === undefined);
        placed++;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }), { numRuns: 400, seed: 11 });
    assert.ok(placed > 200, `${placed} were placed`);
  });
});

describe("stretches of time", () => {
  it("touch what has time in common with them, as looking at each one says", () => {
    const stretch = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 8 })).map(([startUs, length]) => ({ startUs, endUs: startUs + length }));
    fc.assert(fc.property(fc.array(stretch.filter(({ startUs, endUs }) => endUs > startUs), { maxLength: 8 }), stretch, (all, one) => {
      assert.equal(new Stretches(all).touch(one), all.some(({ startUs, endUs }) => startUs <= one.endUs && endUs > one.startUs));
    }), { seed: 5 });
  });
});
