/** What no simulation of some cuts can beat, so that cuts seen to be slower need none, and all the cuts that might be faster. */
import { linkBetween, transferMs } from "../../model/cluster";
import { crossingBytes } from "../../model/workload";
import type { Context } from "../../simulate/context";
import type { ScheduleName } from "../../model/plan";
import { firstCuts } from "../cuts";
import type { Shape } from "./stageCosts";

export interface CutBound {
  /** Ms that an iteration at some joined cuts lasts at least. */
  of(cuts: readonly number[]): number;
  /** All joined cuts with less than `limitMs`, least first; undefined where they are more than `most`, or far too many to go through. */
  below(limitMs: number, most: number): readonly (readonly number[])[] | undefined;
}

/** Schedules whose devices hold one stage of a chain. */
const oneStageEach: ReadonlySet<ScheduleName> = new Set<ScheduleName>(["ddp", "gpipe", "1f1b"]);

/** Steps of looking for cuts that might be faster, for each that may be found: each step takes far less than a simulation. */
const stepsPerCut = 50;

/** A stage on a device. */
interface Held {
  readonly device: number;
  /** `[k]`: ms of an iteration's passes of the chain's first k layers. */
  readonly passes: Float64Array;
}

interface StageBound {
  /** Which of the joined cuts its chain and the stage begin at. */
  readonly first: number;
  readonly at: number;
  /** Stages of its chain after it. */
  readonly after: number;
  readonly layers: number;
  /** One of each kind of device that holds it. */
  readonly held: readonly Held[];
  /** `[cut]`: ms of the messages of one micro-batch from the stage before and back; none where they do not count. */
  readonly messages: Float64Array | undefined;
}

/**
 * All passes of a device. Where each has one stage of the only chain, also the way of the first micro-batch there, and of the last
 * one's gradient back, through the stages before (see `pipelineSpan`).
 */
export function cutBound(shapes: readonly Shape[], context: Context): CutBound {
  const { stages, devices, path } = stagesOf(shapes, context);
  const pathMs = (from: number) => (path ? path[from] : 0);
  const messagesMs = ({ messages }: StageBound, from: number) => (messages ? messages[from] : 0);
  const busy = new Float64Array(devices);
  const boundOf = (cuts: readonly number[]) => {
    busy.fill(0);
    let before = 0;
    for (const stage of stages) {
      const { first, at, held } = stage;
      const [from, to] = [cuts[at] - cuts[first], cuts[at + 1] - cuts[first]];
      before += messagesMs(stage, from);
      for (const { device, passes } of held) busy[device] += passes[to] - passes[from] + pathMs(from) + before;
    }
    return busy.reduce((most, ms) => Math.max(most, ms), 0);
  };
  return {
    of: boundOf,
    below(limitMs, most) {
      const found: { readonly cuts: readonly number[]; readonly ms: number }[] = [];
      const taken = new Float64Array(devices);
      const cuts = [0];
      let steps = 0;
      const extend = (sent: number): boolean => {
        if (cuts.length > stages.length) {
          found.push({ cuts: [...cuts], ms: boundOf(cuts) });
          return found.length <= most;
        }
        const stage = stages[cuts.length - 1];
        const { first, at, after, layers, held } = stage;
        const from = cuts[at] - cuts[first];
        const before = sent + messagesMs(stage, from);
        for (let to = after === 0 ? layers : from + 1; to <= layers - after; to++) {
          if (++steps > stepsPerCut * most) return false;
          const ofStage = ({ passes }: Held) => passes[to] - passes[from] + pathMs(from) + before;
          if (held.some((one) => taken[one.device] + ofStage(one) >= limitMs)) break;
          for (const one of held) taken[one.device] += ofStage(one);
          cuts.push(cuts[first] + to);
          const goesOn = !isRoomFor(at, to) || extend(before);
          cuts.pop();
          for (const one of held) taken[one.device] -= ofStage(one);
          if (!goesOn) return false;
        }
        return true;
      };
      /** Whether the devices of a chain's later stages can have its layers from `to` on within the limit. */
      const isRoomFor = (at: number, to: number): boolean => {
        const { after, layers } = stages[at];
        const later = new Set(stages.slice(at + 1, at + 1 + after).map(({ held: [{ device }] }) => device));
        if (later.size === 0) return true;
        return [...later].reduce((room, device) => room + limitMs - taken[device], 0) > leastOf(stages[at].held, to, layers);
      };
      return extend(0) ? found.sort((a, b) => a.ms - b.ms).map((one) => one.cuts) : undefined;
    },
  };
}

/** @returns the stages of all chains, and `path[k]`: ms that a micro-batch takes at least through the first k layers and back. */
function stagesOf(shapes: readonly Shape[], context: Context): { readonly stages: readonly StageBound[]; readonly devices: number; readonly path: Float64Array | undefined } {
  const { workload, costs, kinds } = context;
  const first = firstCuts(shapes.map(({ placement }) => placement.length));
  /** Of each rank what distinguishes it: its stages and their times. */
  const keys = new Map<number, string>();
  shapes.forEach(({ placement }, c) => placement.forEach((ranks, s) => ranks.forEach((rank) => keys.set(rank, `${keys.get(rank) ?? kinds[rank]} ${c}.${s}`))));
  const numbers = new Map<string, number>();
  const numberOf = (rank: number) => {
    const key = keys.get(rank) ?? "";
    const known = numbers.get(key) ?? numbers.size;
    numbers.set(key, known);
    return known;
  };
  let path: Float64Array | undefined;
  const stages = shapes.flatMap(({ plan, chain, placement }, c) => {
    const { chain: { selfConditioning }, cuts, layers } = workload.chains[chain];
    const { microbatches, global } = plan.batch;
    const forwards = (plan.recompute ? 2 : 1) + (selfConditioning?.probability ?? 0);
    const isOnPath = shapes.length === 1 && oneStageEach.has(plan.schedule.name) && cuts.every((cut, at) => at === 0 || cut.backward !== undefined);
    const ofKind = new Map<string, Float64Array>();
    const once: Float64Array[] = [];
    const passesOf = (samples: number, kind: number): Float64Array => {
      const key = `${samples} ${kind}`;
      let passes = ofKind.get(key);
      if (!passes) {
        const { forward, backward } = costs.chain(chain, samples, kind);
        ofKind.set(key, (passes = forward.map((ms, k) => microbatches * (forwards * ms + backward[k]))));
        once.push(forward.map((ms, k) => ms + backward[k]));
      }
      return passes;
    };
    const made = placement.map((ranks, s): StageBound => {
      const held = new Map(ranks.map((rank) => [numberOf(rank), { device: numberOf(rank), passes: passesOf(global / microbatches / ranks.length, kinds[rank]) }]));
      return { first: first[c], at: first[c] + s, after: placement.length - 1 - s, layers: layers.length, held: [...held.values()], messages: isOnPath && s > 0 ? messagesOf(placement[s - 1], ranks, shapes[c], context) : undefined };
    });
    if (isOnPath) path = once[0].map((_, k) => once.reduce((least, ms) => Math.min(least, ms[k]), Infinity));
    return made;
  });
  return { stages, devices: numbers.size, path };
}

/** `[cut]`: ms that the messages between two stages take at least, there and back, over all replicas. */
function messagesOf(above: readonly number[], below: readonly number[], { plan, chain }: Shape, { workload, cluster, devices }: Context): Float64Array {
  const { global, microbatches } = plan.batch;
  const samples = global / microbatches / Math.max(above.length, below.length);
  const links = Array.from({ length: plan.dataParallel }, (_, replica) => linkBetween(cluster, devices[above[(replica * above.length) / plan.dataParallel]], devices[below[(replica * below.length) / plan.dataParallel]]));
  return Float64Array.from(workload.chains[chain].cuts, ({ forward, backward }) =>
    links.reduce((least, link) => Math.min(least, transferMs(link, crossingBytes(forward, samples)) + (backward ? transferMs(link, crossingBytes(backward, samples)) : 0)), Infinity),
  );
}

/** The least that the layers from `from` on take on any of these devices. */
function leastOf(held: readonly Held[], from: number, to: number): number {
  return held.reduce((least, { passes }) => Math.min(least, passes[to] - passes[from]), Infinity);
}
