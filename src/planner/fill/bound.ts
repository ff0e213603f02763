/** What no filling can beat. */
import type { Plan } from "../../model/plan";
import { pipelineSamples } from "../../plan/frozenWork";
import { pipelineDevices } from "../../plan/placement";
import type { Context } from "../../simulate/context";
import type { Simulation } from "../../simulate/engine";
import { outcomesOf } from "../../simulate/selfConditioning";
import { cutsOf } from "../cuts";
import { trialsOf } from "../trials";

/**
 * Ms of all frozen work for `samples` samples on one device, each layer at the batch size (of at most so many) that is best for it,
 * on the kind of device that is fastest. Times are linear between the batch sizes that were profiled, so that ms per sample are
 * least at one of these or at the ends.
 */
export function leastFrozenMs({ workload, costs, kinds }: Context, samples: number): number {
  let total = 0;
  const used = [...new Set(kinds)];
  workload.frozen.forEach((part, p) => {
    const batches = new Set([1, samples, ...part.layers.flatMap(({ times }) => times.map(({ batch }) => batch))]);
    const least = new Float64Array(part.to).fill(Infinity);
    for (const batch of batches) {
      if (batch > samples) continue;
      for (const kind of used) {
        const sums = costs.frozen(p, batch, kind);
        for (let layer = 0; layer < part.to; layer++) least[layer] = Math.min(least[layer], (sums[layer + 1] - sums[layer]) / batch);
      }
    }
    for (const ms of least) total += ms * samples;
  });
  return total;
}

/**
 * Ms that no filling of a pipeline beats: the passes alone, and the computing of its `ranks` with all frozen work of its
 * `samples` shared out evenly.
 */
export function fillBound(context: Context, passes: Simulation, ranks: readonly number[], samples: number): number {
  const busy = ranks.reduce((ms, rank) => ms + passes.busyMs[rank], 0);
  return Math.max(passes.periodMs, (busy + leastFrozenMs(context, samples)) / ranks.length);
}

/** The same for a plan's first pipeline with the plan's own passes; a mean over iterations with and without self-conditioning. */
export function planBound(plan: Plan, context: Context): number {
  const [from, to] = pipelineSamples(plan, 0);
  const ranks = pipelineDevices(plan, 0).flat();
  return outcomesOf(context).reduce((ms, { share, context: own }) => ms + share * fillBound(own, trialsOf(plan, own).passes(cutsOf(plan)), ranks, to - from), 0);
}
