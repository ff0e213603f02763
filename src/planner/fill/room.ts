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
import type { Room, RoomAt } from "./greedy";

/** Bytes of a frozen part's activations. */
interface Need {
  /** `[from][to]`: of each sample of a call of layers [from, to): what comes in, the most that it works in, and what goes out. */
  readonly ofCall: readonly Float64Array[];
  /** The most of these for any layers. */
  readonly most: number;
  /** `[from]`: with so much a sample gets from a layer to the end, in calls each of which stops where the next layer can be run by itself. */
  readonly onwards: Float64Array;
  /** Of a call, however many samples it has. */
  readonly fixed: number;
}

function needsOf({ frozen }: Workload): readonly Need[] {
  return frozen.map(({ to, layers, crossings }) => {
    const at = (layer: number) => (layer < to ? crossings[layer].perSample : 0);
    const ofCall = Array.from({ length: to }, (_, from) => {
      const bytes = new Float64Array(to + 1);
      for (let end = from + 1, widest = 0; end <= to; end++) {
        widest = Math.max(widest, at(end - 1));
        bytes[end] = at(from) + widest + at(end);
      }
      return bytes;
    });
    const onwards = new Float64Array(to + 1);
    for (let from = to - 1; from >= 0; from--) {
      let least = Infinity;
      for (let end = from + 1; end <= to; end++) least = Math.min(least, Math.max(ofCall[from][end], onwards[end]));
      onwards[from] = Math.max(least, ofCall[from][from + 1]);
    }
    const most = ofCall.reduce((widest, bytes) => bytes.reduce((a, b) => Math.max(a, b), widest), 0);
    const fixed = layers.slice(0, to).reduce((bytes, { workspaceBytes = 0 }, layer) => Math.max(bytes, workspaceBytes, crossings[layer].fixed), 0);
    return { ofCall, most, onwards, fixed };
  });
}

/** Of so many samples: those that a device uses, and those of the next iteration that arrive or that it makes. */
function encodingBytes({ encodings }: Workload, samples: number): number {
  return 2 * encodings.reduce((bytes, encoding) => bytes + crossingBytes(encoding, samples), 0);
}

/** Bytes that no filling of a pipeline's `samples` exceeds on any device, above its passes and all frozen weights. */
export function mostFillBytes(workload: Workload, samples: number): number {
  const needs = needsOf(workload);
  return needs.reduce((bytes, { most }) => bytes + most * samples, encodingBytes(workload, samples)) + Math.max(0, ...needs.map(({ fixed }) => fixed));
}

/**
 * For each device of the first pipeline, the room that each frozen part has from a time of the passes' simulation on, to the end
 * of the iteration, whenever the passes peak: parts share it evenly, and what one does not need goes to the others. Devices of
 * other pipelines at its place may have less memory; that counts.
 * @param passes The memory of the plan's passes, with all frozen weights.
 */
export function roomsOf(plan: Plan, context: Context, passes: readonly MemoryUse[], samples: number): readonly RoomAt[] {
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

function shared(needs: readonly Need[], bytes: number, samples: number): readonly Room[] {
  const rooms = needs.map((): Room => ({ samples: 0, allows: () => false }));
  let left = Math.max(0, bytes);
  const ascending = needs.map((_, part) => part).sort((a, b) => needs[a].most - needs[b].most);
  ascending.forEach((part, i) => {
    const { ofCall, most, onwards } = needs[part];
    const own = left / (needs.length - i);
    // Where any call of several samples fits, a lot of these may stop anywhere, else a single sample where it can go on from.
    const lot = bytes < 0 ? 0 : most * samples <= own ? samples : Math.max(Math.floor(own / most), onwards[0] <= own ? 1 : 0);
    rooms[part] = { samples: lot, allows: (from, to, count) => Math.max(ofCall[from][to], onwards[to]) * count <= own };
    left -= Math.min(own, most * lot);
  });
  return rooms;
}

/** Whether every device that does something has room for what it holds. */
export function fitsIn(context: Context, uses: readonly MemoryUse[]): boolean {
  return uses.every(({ peakBytes }, rank) => peakBytes <= usableBytes(context, rank));
}
