/**
 * Memory that passes leave to frozen work. A filling holds what fits if its samples are run in lots: activations of a frozen
 * component's first layers can be hundreds of megabytes a sample (a VAE's at full resolution), and a layer that is run for all
 * samples before the next one is begun has all of them held from one bubble to another, over the peak of the passes.
 */
import type { Plan } from "../../model/plan";
import { crossingBytes, type Workload } from "../../model/workload";
import { allPipelines, pipelineDevices } from "../../plan/placement";
import type { Context } from "../../simulate/context";
import type { MemoryUse } from "../../simulate/memory";
import { usableBytes } from "../partition/stageCosts";
import type { LotsAt } from "./greedy";

/** Bytes that a frozen part takes at most while it is run. */
interface Need {
  /** Of each sample in between: what comes into a call, what goes out, and as much again to work in. */
  readonly perSample: number;
  /** Of a call, however many samples it has. */
  readonly fixed: number;
}

function needsOf({ frozen }: Workload): readonly Need[] {
  return frozen.map(({ to, layers, crossings }) => {
    const between = crossings.slice(0, to);
    const perSample = 3 * between.reduce((most, crossing) => Math.max(most, crossing.perSample), 0);
    const fixed = layers.slice(0, to).reduce((most, { workspaceBytes = 0 }) => Math.max(most, workspaceBytes), between.reduce((most, crossing) => Math.max(most, crossing.fixed), 0));
    return { perSample, fixed };
  });
}

/** Of so many samples: those that a device uses while those of the next iteration arrive, and those that it makes for others. */
function encodingBytes({ encodings }: Workload, samples: number): number {
  return 3 * encodings.reduce((bytes, encoding) => bytes + crossingBytes(encoding, samples), 0);
}

/** Bytes that no filling of a pipeline's `samples` exceeds on any device, above its passes and all frozen weights. */
export function mostFillBytes(workload: Workload, samples: number): number {
  const needs = needsOf(workload);
  return needs.reduce((bytes, { perSample }) => bytes + perSample * samples, encodingBytes(workload, samples)) + Math.max(0, ...needs.map(({ fixed }) => fixed));
}

/**
 * For each device of the first pipeline, how many samples of each frozen part it can have in between from a time of the passes'
 * simulation on, to the end of the iteration, when the passes peak again: parts have equal shares of the room, and what one does
 * not need goes to the others. Devices of other pipelines at its place may have less memory; that counts.
 * @param passes The memory of the plan's passes, with all frozen weights.
 */
export function lotsOf(plan: Plan, context: Context, passes: readonly MemoryUse[], samples: number): readonly LotsAt[] {
  const needs = needsOf(context.workload);
  const fixed = Math.max(0, ...needs.map((need) => need.fixed)) + encodingBytes(context.workload, samples);
  const places = allPipelines(plan).map((pipeline) => pipelineDevices(plan, pipeline).flat());
  return places[0].map((rank, place) => {
    const usable = Math.min(...places.map((ranks) => usableBytes(context, ranks[place]))) - fixed;
    const peakFrom = peaks(passes[rank]);
    return (ms) => shared(needs, usable - peakFrom(ms), samples);
  });
}

/** The most bytes that are held from a time on. */
function peaks({ baseBytes, steps }: MemoryUse): (ms: number) => number {
  const most = new Float64Array(steps.length + 1);
  for (let i = steps.length; i >= 0; i--) most[i] = Math.max(i === 0 ? baseBytes : steps[i - 1][1], i === steps.length ? 0 : most[i + 1]);
  return (ms) => {
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (steps[middle - 1][0] <= ms) low = middle;
      else high = middle - 1;
    }
    return most[low];
  };
}

function shared(needs: readonly Need[], bytes: number, samples: number): readonly number[] {
  const lots = needs.map(() => 0);
  let left = bytes;
  const ascending = needs.map((_, part) => part).sort((a, b) => needs[a].perSample - needs[b].perSample);
  ascending.forEach((part, i) => {
    const { perSample } = needs[part];
    lots[part] = left < 0 ? 0 : perSample === 0 ? samples : Math.min(samples, Math.floor(left / (needs.length - i) / perSample));
    left -= lots[part] * perSample;
  });
  return lots;
}

/** Whether every device that does something has room for what it holds. */
export function fitsIn(context: Context, uses: readonly MemoryUse[]): boolean {
  return uses.every(({ peakBytes }, rank) => peakBytes <= usableBytes(context, rank));
}
