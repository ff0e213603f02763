/** Carries out orders: each device makes its passes one after another, each as soon as its input is there. Written apart from the generators. */
import { strict as assert } from "node:assert";
import type { PassStep, Pipeline, Step } from "../../../src/schedule/generators/order";
import { deviceOf, replicasPerPipeline } from "../../../src/schedule/generators";

export interface Played {
  /** From the first start to the last end. */
  readonly makespan: number;
  /** The longest that a device is at it, from its first start to its last end. */
  readonly span: number;
}

/** What passes take; `send`: what comes between two stages on different devices, either way. */
export interface Lengths {
  readonly of: (step: PassStep) => number;
  readonly send?: number;
}

const parts = (step: Step): readonly PassStep[] => (step.op === "OVERLAP_F_B" ? [step.forward, step.backward] : [step]);

export function play(pipeline: Pipeline, orders: readonly (readonly Step[])[], { of, send = 0 }: Lengths): Played {
  const lists = orders.map((steps) => steps.flatMap(parts));
  const end = new Map<string, number>();
  const at = lists.map(() => 0);
  const first = lists.map(() => Infinity);
  const free = lists.map(() => 0);
  const key = ({ chain, replica, microbatch }: PassStep, op: string, stage: number) => `${op} ${chain} ${replica} ${stage} ${microbatch}`;
  const needs = (step: PassStep): readonly { readonly of: string; readonly from: number }[] => {
    const { op, stage, chain } = step;
    const own = (made: string) => ({ of: key(step, made, stage), from: stage });
    if (op === "W") return [own("I")];
    if (op === "F") return stage === 0 ? [] : [{ of: key(step, "F", stage - 1), from: stage - 1 }];
    return [own("F"), ...(stage === pipeline.chains[chain].stages - 1 ? [] : [{ of: key(step, "I", stage + 1), from: stage + 1 }])];
  };
  for (let moved = true; moved; ) {
    moved = false;
    lists.forEach((steps, device) => {
      for (; at[device] < steps.length; at[device]++, moved = true) {
        const step = steps[at[device]];
        const inputs = needs(step);
        if (!inputs.every((need) => end.has(need.of))) return;
        const arrivals = inputs.map((need) => (end.get(need.of) ?? 0) + (deviceOf(pipeline, step.chain, need.from, step.replica) === device ? 0 : send));
        const start = Math.max(free[device], ...arrivals);
        first[device] = Math.min(first[device], start);
        free[device] = start + of(step);
        end.set(key(step, step.op === "B" ? "I" : step.op, step.stage), free[device]);
      }
    });
  }
  assert(lists.every((steps, device) => at[device] === steps.length), "passes wait for each other");
  return { makespan: Math.max(...free), span: Math.max(...free.map((ms, device) => ms - first[device])) };
}

/** Each pass of the pipeline is there once, on the device of its stage: a forward pass and B, or I and W. */
export function assertComplete(pipeline: Pipeline, orders: readonly (readonly Step[])[]): void {
  const seen = new Map<string, string[]>();
  orders.forEach((steps, device) =>
    steps.flatMap(parts).forEach(({ op, chain, replica, stage, microbatch }) => {
      assert.equal(deviceOf(pipeline, chain, stage, replica), device);
      const key = `${chain} ${replica} ${stage} ${microbatch}`;
      seen.set(key, [...(seen.get(key) ?? []), op]);
    }),
  );
  let expected = 0;
  pipeline.chains.forEach(({ stages }) => (expected += stages * pipeline.microbatches * replicasPerPipeline(pipeline.schedule.name)));
  assert.equal(seen.size, expected);
  for (const ops of seen.values()) assert(["F B", "F I W"].includes(ops.join(" ")), ops.join(" "));
}
