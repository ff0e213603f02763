import assert from "node:assert/strict";
import fc from "fast-check";
import type { Span } from "../../../src/timeline/import/traceFile";
import { unnamedPasses } from "../../../src/timeline/import/unnamed";

/** What a rank runs of a schedule that names no pass, as its operators: a forward pass has three and more, bookkeeping has one. */
const pieces = {
  F: ["aten::linear", "aten::gelu", "aten::linear"], B: ["autograd::engine::evaluate_function: A", "autograd::engine::evaluate_function: B"],
  send: ["c10d::send"], recv: ["c10d::recv_"], book: ["aten::detach_"],
} as const;
type Piece = keyof typeof pieces;

function operatorsOf(rank: readonly Piece[], startUs = 0): readonly Span[] {
  return rank.flatMap((piece) => pieces[piece]).map((name, index) => ({ name, category: "cpu_op", process: "1", thread: "1", startUs: startUs + index * 10, endUs: startUs + index * 10 + 8, arguments: {} }));
}

const step = (startUs: number, endUs: number): Span => ({ name: "ProfilerStep#0", category: "user_annotation", process: "1", thread: "1", startUs, endUs, arguments: {} });
const names = (rank: readonly Piece[], annotations: readonly Span[] = []) => unnamedPasses(operatorsOf(rank), [step(0, 1e6)], annotations).map(({ name }) => name);

/** 1F1B of a middle stage: `warmup` forward passes, then one of each, then what is left; each between what it receives and sends. */
function middleStage(microbatches: number, warmup: number): readonly Piece[] {
  const forward: readonly Piece[] = ["recv", "F", "book", "send"];
  const backward: readonly Piece[] = ["recv", "B", "book", "send"];
  const steady = Array.from({ length: microbatches - warmup }, () => [...forward, ...backward]).flat();
  return ["book", ...Array.from({ length: warmup }, () => forward).flat(), ...steady, ...Array.from({ length: warmup }, () => backward).flat(), "book"];
}

describe("passes without names", () => {
  it("are those of 1F1B, in order, whatever its sizes", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 12 }), fc.nat({ max: 6 }), (microbatches, most) => {
      const warmup = Math.min(most, microbatches);
      const expected: string[] = [];
      for (let i = 0; i < warmup; i++) expected.push(`Forward ${i}`);
      for (let i = warmup; i < microbatches; i++) expected.push(`Forward ${i}`, `Backward ${i - warmup}`);
      for (let i = microbatches - warmup; i < microbatches; i++) expected.push(`Backward ${i}`);
      assert.deepEqual(names(middleStage(microbatches, warmup)), expected);
    }), { seed: 4 });
  });

  it("hold what was received before and sent after them, also past bookkeeping, and do not overlap", () => {
    const passes = unnamedPasses(operatorsOf(["recv", "F", "B", "book", "send", "recv", "F", "B", "send"]), [step(0, 1e6)], []);
    assert.deepEqual(passes.map(({ name, startUs, endUs }) => [name, startUs, endUs]), [["Forward 0", 0, 38], ["Backward 0", 40, 78], ["Forward 1", 80, 118], ["Backward 1", 120, 148]]);
  });

  it("are none of what other annotations hold without gradients", () => {
    const rank: readonly Piece[] = ["F", "F", "send", "F", "send", "recv", "B"];
    const annotation = (startUs: number, endUs: number): Span => ({ ...step(startUs, endUs), name: "text_encoder" });
    const [pass] = unnamedPasses(operatorsOf(rank), [step(0, 1e6)], [annotation(-1, 61)]);
    assert.deepEqual([pass.name, pass.startUs], ["Forward 0", 70]);
    assert.equal(names(rank, [annotation(-1, 1e6)]).length, 2, "what holds the whole step is no frozen work");
  });

  it("are none where nothing has gradients, or the profiler took no steps", () => {
    assert.deepEqual(names(["F", "send", "F"]), []);
    assert.deepEqual(unnamedPasses(operatorsOf(["F", "B"]), [], []), []);
  });
});
