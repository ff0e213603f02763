/**
 * ZeRO-3 (Rajbhandari et al., 2020) as fully sharded data parallelism runs it (Zhao et al., 2023): each device keeps a shard of
 * weights, gradients and optimizer states. Before a unit (a run of layers) computes, its weights are gathered, one unit ahead;
 * after its backward pass its gradients are reduced and scattered. Shards lie on all devices, or on those of a node, whose
 * copies on other nodes then sum their gradients once ("hybrid").
 */
import { Cancelled, UserError } from "../../model/errors";
import type { Plan } from "../../model/plan";
import type { Operation } from "../../model/program";
import { transferMs } from "../../model/cluster";
import { crossingBytes } from "../../model/workload";
import { split } from "../../plan/frozenWork";
import type { Context } from "../../simulate/context";
import { allReduceMs, slowestLink, stageBytes } from "../../simulate/durations";
import { simulateGraph, type Simulation } from "../../simulate/engine";
import { structureOf, timed } from "../../simulate/graph";
import { conditions, outcomesOf } from "../../simulate/selfConditioning";
import { wasteOf } from "../../simulate/waste";
import { joinedCuts } from "../cuts";
import { batchCosts } from "../fill/batches";
import { usableBytes } from "../partition/stageCosts";
import { planOf, type PlanBase } from "../search/candidates";
import type { SearchHooks } from "../search/search";

/** One way to run it. */
export interface Sharding {
  readonly microbatches: number;
  /** Devices that share one copy of the weights: all, or those of a node. */
  readonly group: number;
  /** Units of each chain at most, of about equal weights. */
  readonly units: number;
  readonly recompute: boolean;
}

interface Unit {
  readonly chain: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The best of all ways that fit, as a plan of data parallelism with their figures: it says what was compared, and is not one to
 * run. Frozen work runs before the first pass, data-parallel. @throws UserError where there is none, Cancelled.
 */
export async function fsdpPlan(base: PlanBase, globalBatch: number, context: Context, hooks: SearchHooks = {}): Promise<Plan> {
  const devices = context.devices.length;
  const share = globalBatch / devices;
  if (!Number.isInteger(share)) throw new UserError(`A batch of ${globalBatch} cannot be split evenly over ${devices} devices.`);
  let best: Plan | undefined;
  let missing = Infinity;
  for (const recompute of [false, true]) {
    for (const sharding of shardingsOf(context, share, recompute)) {
      await new Promise((resume) => setTimeout(resume)); // lets a cancel in
      if (hooks.signal?.aborted) throw new Cancelled("Planning was cancelled.");
      const peakBytes = peakOf(base, globalBatch, context, sharding);
      const excess = Math.max(...context.devices.map((_, rank) => peakBytes - usableBytes(context, rank)));
      missing = Math.min(missing, excess);
      if (excess > 0) continue;
      const outcomes = outcomesOf(context).map(({ share: part, context: own }) => ({ part, simulation: simulateSharded(base, globalBatch, own, sharding) }));
      const mean = (figure: (simulation: Simulation) => number) => outcomes.reduce((sum, { part, simulation }) => sum + part * figure(simulation), 0);
      const periodMs = mean((simulation) => simulation.periodMs);
      if (best && best.predicted.periodMs <= periodMs) continue;
      const plan = planOf(base, { schedule: "ddp", stages: 1, microbatches: sharding.microbatches, dataParallel: devices, recompute, boundMs: 0 }, globalBatch, joinedCuts(context.workload.chains.map(({ layers }) => [0, layers.length])), context.workload);
      best = {
        ...plan,
        runnable: { reason: "The trainer does not shard weights." },
        predicted: {
          periodMs,
          makespanMs: mean((simulation) => simulation.makespanMs),
          bubbleRatio: 1 - mean((simulation) => simulation.busyMs[0]) / periodMs,
          waste: wasteOf(context, devices, globalBatch, periodMs),
          throughputPerSecond: (globalBatch / periodMs) * 1e3,
          peakMemoryBytes: context.devices.map(() => peakBytes),
        },
      };
    }
    if (best) return best;
  }
  throw new UserError(`Sharded weights do not fit the memory of ${context.devices[0].kind.name}: ${Math.ceil(missing / 1e6)} MB are missing on one device.`);
}

/** Units of one layer up to whole chains, by halves. */
function shardingsOf({ devices, workload }: Context, share: number, recompute: boolean): readonly Sharding[] {
  const ofNode = devices.filter(({ node }) => node === devices[0].node).length;
  const groups = devices.length % ofNode === 0 && ofNode < devices.length ? [devices.length, ofNode] : [devices.length];
  const found: Sharding[] = [];
  for (let microbatches = 1; microbatches <= share; microbatches++) {
    if (share % microbatches !== 0) continue;
    for (let units = Math.max(...workload.chains.map(({ layers }) => layers.length)); units >= 1; units >>= 1) for (const group of groups) found.push({ microbatches, group, units, recompute });
  }
  return found;
}

/** A chain's layers in runs of about equal weights. */
function unitsOf({ workload, costs }: Context, chain: number, count: number): readonly Unit[] {
  const { weights } = costs.bytes(chain, "fp32");
  const layers = workload.chains[chain].layers.length;
  const units: Unit[] = [];
  for (let to = 1, from = 0; to <= layers; to++) {
    if (to < layers && weights[to] * count < weights[layers] * (units.length + 1)) continue;
    units.push({ chain, from, to });
    from = to;
  }
  return units;
}

/**
 * One settled iteration of one device; all do the same at the same time, the slowest kind of device sets the pace. A collective
 * is a message that the device sends itself: it goes over the communication stream, and what needs it waits for it.
 */
export function simulateSharded({ optimizer }: Pick<PlanBase, "optimizer">, globalBatch: number, context: Context, sharding: Sharding): Simulation {
  const { workload, costs, cluster, devices } = context;
  const { microbatches, group, recompute } = sharding;
  const kinds = [...new Set(context.kinds)];
  const share = globalBatch / devices.length;
  const list: Operation[] = [];
  const ms = new Map<Operation, number>();
  const add = (op: Operation["op"], takes: number, tag?: number) => {
    const own: Operation = { op, iteration: 0, ...(tag !== undefined && { tag, peer: 0, channel: "forward" }) };
    ms.set(own, takes);
    list.push(own);
  };
  const within = slowestLink(context, devices.slice(0, group).map(({ index }) => index));
  const copies = devices.filter(({ index }) => index % group === 0).map(({ index }) => index);
  const across = slowestLink(context, copies);
  const between = cluster.interNode.sharedByNode ? { ...across, bandwidthGBps: across.bandwidthGBps / group } : across;
  /** Each step of a ring moves one shard. */
  const ringMs = (bytes: number) => (group - 1) * transferMs(within, bytes / group);
  const bytesOf = ({ chain, from, to }: Unit) => stageBytes({ optimizer }, context, chain, from, to);
  const passMs = ({ chain, from, to }: Unit, pass: "forward" | "backward") => Math.max(...kinds.map((kind) => costs.chain(chain, share / microbatches, kind)[pass]).map((sums) => sums[to] - sums[from]));

  const units = workload.chains.map((_, c) => unitsOf(context, c, sharding.units));
  const uses = Array.from({ length: microbatches }, (_, m) => {
    const pass = (op: "F" | "B" | "SELF_COND") => (unit: Unit) => ({ op, unit, m });
    return workload.chains.flatMap(({ chain }, c) => [...(conditions(chain) ? units[c].map(pass("SELF_COND")) : []), ...units[c].map(pass("F")), ...units[c].toReversed().map(pass("B"))]);
  }).flat();
  let tags = 0;
  /** The message that each use waits for; a unit that computes twice in a row is still there. */
  const gathered = new Map<number, number>();
  const gather = (k: number) => {
    if (k >= uses.length || (k > 0 && uses[k].unit === uses[k - 1].unit)) return;
    gathered.set(k, tags);
    add("SEND", ringMs(bytesOf(uses[k].unit).weights), tags++);
  };
  gather(0);
  const batches = batchCosts(context);
  workload.frozen.forEach(({ to }, part) => {
    const calls = split([0, share], batches.calls(part, share));
    add("FILL", Math.max(...kinds.map((kind) => calls.reduce((sum, call) => sum + (call ? costs.frozen(part, call[1] - call[0], kind)[to] : 0), 0))));
  });
  uses.forEach(({ op, unit, m }, k) => {
    gather(k + 1);
    const awaited = gathered.get(k);
    if (awaited !== undefined) add("RECV", 0, awaited);
    if (op !== "B") return add(op, passMs(unit, "forward"));
    if (recompute) add("R", passMs(unit, "forward"));
    add("B", passMs(unit, "backward"));
    const { gradients } = bytesOf(unit);
    const summed = m === microbatches - 1 ? allReduceMs(between, copies.length, gradients / group) : 0;
    if (gradients > 0) add("SEND", ringMs(gradients) + summed, tags++);
  });
  if (tags > 0) add("RECV", 0, tags - 1);
  const memoryMs = (bytes: number) => Math.max(...devices.map(({ kind }) => bytes / group / (kind.bandwidthGBps * 1e6)));
  const own = workload.chains.map(({ layers }, chain) => bytesOf({ chain, from: 0, to: layers.length }));
  const sum = (bytes: (state: (typeof own)[number]) => number) => own.reduce((total, state) => total + bytes(state), 0);
  // The norm: gradients are read once, and a number goes up and down a tree of all devices.
  if (optimizer.maxGradNorm !== undefined) add("GRAD_NORM", memoryMs(sum(({ gradients }) => gradients)) + (2 * Math.ceil(Math.log2(devices.length)) * Math.max(within.latencyUs, across.latencyUs)) / 1e3);
  add("OPTIM", memoryMs(sum(({ trained, gradients, optimizer: states }) => 2 * trained + gradients + 2 * states)));
  if (optimizer.ema) add("EMA", memoryMs(sum(({ trained, ema }) => trained + 2 * ema)));
  const graph = timed(structureOf([list], context), { of: (op) => ms.get(op) ?? 0, buckets: () => [] });
  return simulateGraph(graph, 1, globalBatch);
}

/**
 * Bytes on a device at most: shards of all state, frozen components whole, encodings, two gathered units, a unit's gradients
 * and the activations of a micro-batch (computed again: those of one unit and what comes into each). Frozen work's own are not counted.
 */
export function peakOf({ optimizer }: Pick<PlanBase, "optimizer">, globalBatch: number, context: Context, { microbatches, group, units: count, recompute }: Sharding): number {
  const { workload, costs, devices } = context;
  const share = globalBatch / devices.length;
  const samples = share / microbatches;
  const frozen = workload.frozen.reduce((bytes, { layers }) => layers.reduce((sum, { paramBytes }) => sum + paramBytes, bytes), 0);
  const encodings = workload.encodings.reduce((bytes, encoding) => bytes + crossingBytes(encoding, share), 0);
  let resident = frozen + encodings;
  let working = 0;
  workload.chains.forEach(({ layers, cuts }, chain) => {
    const whole = stageBytes({ optimizer }, context, chain, 0, layers.length);
    resident += (whole.weights + whole.gradients + whole.optimizer + whole.ema) / group;
    const { untilInputGrad, untilWeightGrad } = costs.bytes(chain, optimizer.gradDtype);
    const saved = (from: number, to: number) => (untilInputGrad[to] - untilInputGrad[from] + untilWeightGrad[to] - untilWeightGrad[from]) * samples;
    const units = unitsOf(context, chain, count).map(({ from, to }) => ({ ...stageBytes({ optimizer }, context, chain, from, to), saved: saved(from, to), input: from > 0 ? crossingBytes(cuts[from].forward, samples) : 0 }));
    const most = (bytes: (unit: (typeof units)[number], u: number) => number) => units.reduce((high, unit, u) => Math.max(high, bytes(unit, u)), 0);
    const gathered = group > 1 ? most(({ weights }, u) => weights + (units[u + 1]?.weights ?? 0)) + most(({ gradients }) => gradients) : 0;
    const activations = recompute ? units.reduce((sum, { input }) => sum + input, 0) + most((unit) => unit.saved) : saved(0, layers.length);
    working = Math.max(working, gathered + activations + layers.reduce((high, { workspaceBytes = 0 }) => Math.max(high, workspaceBytes), 0));
  });
  return resident + working;
}
