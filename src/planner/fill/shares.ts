/** How many samples each device takes where devices work apart. */
import type { Fill } from "../../model/plan";
import type { Context } from "../../simulate/context";
import { fillMs, type BatchCosts } from "./batches";

/** What memory leaves of bubbles is found by filling them so many times. */
const shareRounds = 2;

/**
 * How many samples each device takes when they work apart, as cuts of [0, samples): so many that what is left over after its
 * bubbles is the same on all devices.
 * @param room Ms of bubbles on each device. @param fillsOn The fills of a device's samples, where they may be less than the bubbles.
 */
export function sharesOf(context: Context, batches: BatchCosts, room: readonly number[], samples: number, fillsOn?: (device: number, from: number, to: number) => readonly Fill[]): readonly number[] {
  let shares = sampleCuts(context, batches, room, samples);
  if (!fillsOn) return shares;
  let used = room;
  for (let round = 0; round < shareRounds; round++) {
    used = used.map((ms, s) => {
      const fills = fillsOn(s, shares[s], shares[s + 1]);
      const inside = fills.filter(({ before }) => before.op !== "OPTIM");
      return inside.length === fills.length ? ms : inside.reduce((sum, fill) => sum + fillMs(context.workload, batches, fill), 0);
    });
    shares = sampleCuts(context, batches, used, samples);
  }
  return shares;
}

/** Shares by the ms that each device has free. */
function sampleCuts({ workload }: Context, batches: BatchCosts, room: readonly number[], samples: number): readonly number[] {
  const each = Math.ceil(samples / room.length);
  const perSample = workload.frozen.reduce((ms, part, p) => ms + batches.sums(p, each)[part.to], 0) / each;
  // The level of leftover work at which all shares together are the batch; devices with more room than that take none of it.
  let low = -Math.max(...room);
  let high = perSample * samples;
  for (let i = 0; i < 60; i++) {
    const level = (low + high) / 2;
    const taken = room.reduce((sum, ms) => sum + Math.max(0, ms + level) / perSample, 0);
    if (taken < samples) low = level;
    else high = level;
  }
  const cuts = [0];
  let sum = 0;
  for (const ms of room) cuts.push(Math.min(samples, Math.round((sum += Math.max(0, ms + high) / perSample))));
  cuts[cuts.length - 1] = samples;
  return cuts;
}
