/** An oracle of its own for frozen work: the fills of all devices taken one after another, each once its samples have come so far. */
import { strict as assert } from "node:assert";
import type { Plan } from "../../../src/model/plan";
import { compilePlan } from "../../../src/plan/compile";
import { validatePlan } from "../../../src/plan/validate";
import type { Context } from "../../../src/simulate/context";

/** That each frozen layer of each sample is run once, after the layers that it needs. */
export function assertRunsOnce(filled: Plan, context: Context): void {
  validatePlan(filled, context.workload, context.devices.length);
  const { ranks } = compilePlan(filled, context);
  for (const list of ["prologue", "operations"] as const) {
    const done = new Map(context.workload.frozen.map((part) => [part.component, new Int32Array(filled.batch.global)]));
    // Fills are listed in the order in which they run on a rank; a fill is taken once the samples have come so far.
    const queues = ranks.map((rank) => rank[list].filter((op) => op.op === "FILL"));
    const total = queues.flat().length;
    let taken = 0;
    for (let moved = true; moved; ) {
      moved = false;
      for (const queue of queues) {
        const op = queue[0];
        if (op === undefined) continue;
        const part = context.workload.frozen.find((candidate) => candidate.component === op.component)!;
        const [a, b] = op.samples!;
        const isReady = done.get(part.component)!.slice(a, b).every((layer) => layer === op.layers![0]);
        const needed = op.layers![0] > 0 || part.after.every((p) => done.get(context.workload.frozen[p].component)!.slice(a, b).every((layer) => layer === context.workload.frozen[p].to));
        if (!isReady || !needed) continue;
        done.get(part.component)!.fill(op.layers![1], a, b);
        queue.shift();
        taken++;
        moved = true;
      }
    }
    assert.equal(taken, total);
    if (total > 0) for (const part of context.workload.frozen) assert(done.get(part.component)!.every((layer) => layer === part.to));
  }
}
