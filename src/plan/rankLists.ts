/** A plan's lists of operations, one per rank: what each computes, and the communication that follows from it. */
import { UserError } from "../model/errors";
import { anchorOps, type Fill, type FillAnchor, type Plan } from "../model/plan";
import type { Operation } from "../model/program";
import { insertCommunication } from "../schedule/communication";
import type { DeviceOrders } from "../schedule/generators/order";
import type { Context } from "../simulate/context";
import { conditions } from "../simulate/selfConditioning";
import { frozenTransfers } from "./frozenTransfers";
import { sharedFrozenWork } from "./frozenWork";
import { passTransfers } from "./passTransfers";
import { allPipelines, allReplicas, holdingsOf, ordersOf, pipelineDevices, placedSteps, replicasIn, worldSizeOf } from "./placement";

export type Lists = readonly (readonly Operation[])[];

/**
 * One iteration: the passes of each rank's stages in the schedule's order, each with the fills anchored to it before it (and
 * its stage computed again before a backward pass, where the plan recomputes); then per stage REDUCE (where several ranks hold
 * it), the fills anchored to "OPTIM", GRAD_NORM (where clipping asks for it), per stage OPTIM and EMA, and the encodings that
 * arrive for the next iteration. Lists of ranks outside of `replicas` are empty, and so must their fills be; replicas that
 * share a pipeline's devices go together. Iterations without self-conditioning leave its passes out, but not the fills before
 * them.
 * @throws UserError where the schedule or a fill's anchor does not exist.
 */
export function iterationLists(plan: Plan, context: Context, replicas = allReplicas(plan), orders = ordersOf(plan, context)): Lists {
  const lists = rankLists(plan, context, replicas, orders);
  return insertCommunication(lists, [...passTransfers(plan, context, lists, replicas), ...frozenTransfers(plan, context, lists, replicas)]);
}

/** What prepares the first iteration of a filled run; nothing for plans whose fills serve the iteration they stand in. */
export function prologueLists(plan: Plan, context: Context): Lists {
  if (!plan.fills.some((fill) => (fill.iteration ?? 1) === 1)) return Array.from({ length: worldSizeOf(plan) }, () => []);
  const lists = firstFrozenWork(plan, context);
  return insertCommunication(lists, frozenTransfers(plan, context, lists, allReplicas(plan)));
}

/** The same without communication. */
export function firstFrozenWork(plan: Plan, { workload }: Context): Lists {
  const lists: Operation[][] = Array.from({ length: worldSizeOf(plan) }, () => []);
  for (const { device, component, from, to, samples } of sharedFrozenWork(plan, workload)) lists[device].push({ op: "FILL", iteration: 0, component, layers: [from, to], samples });
  return lists;
}

/** One number for each place on a device that a fill can stand before; -1 for a chain that the plan does not have. */
function anchorKeys({ chains, batch: { microbatches } }: Plan): (anchor: FillAnchor) => number {
  const most = chains.reduce((count, { stages }) => Math.max(count, stages.length), 0);
  const chainOf = new Map(chains.map(({ id }, c) => [id, c]));
  return ({ op, chain, stage = 0, microbatch = 0 }) => {
    if (op === "OPTIM") return 0;
    const c = chainOf.get(chain ?? "");
    if (c === undefined || stage >= most || microbatch >= microbatches) return -1;
    return ((c * most + stage) * microbatches + microbatch + 1) * anchorOps.length + anchorOps.indexOf(op);
  };
}

function fillOperation(fill: Fill): Operation {
  return { op: "FILL", iteration: fill.iteration ?? 1, component: fill.component, layers: [fill.from, fill.to], samples: fill.samples };
}

function rankLists(plan: Plan, context: Context, replicas: readonly number[], orders: DeviceOrders): Lists {
  const keyOf = anchorKeys(plan);
  /** By device and place. */
  const anchored = new Map<number, Map<number, Fill[]>>();
  for (const fill of plan.fills) {
    const key = keyOf(fill.before);
    const ofDevice = anchored.get(fill.device) ?? new Map<number, Fill[]>();
    anchored.set(fill.device, ofDevice);
    const fills = ofDevice.get(key);
    if (fills) fills.push(fill);
    else ofDevice.set(key, [fill]);
  }
  const addFills = (list: Operation[], device: number, anchor: FillAnchor): void => {
    const ofDevice = anchored.get(device);
    if (!ofDevice || ofDevice.size === 0) return;
    const key = keyOf(anchor);
    for (const fill of ofDevice.get(key) ?? []) list.push(fillOperation(fill));
    ofDevice.delete(key);
  };
  const lists: Operation[][] = Array.from({ length: worldSizeOf(plan) }, () => []);
  const wanted = new Set(replicas);
  const steps = placedSteps(plan, context, orders);
  const layersOf = plan.chains.map(({ stages }) => stages.map(({ from, to }) => [from, to] as const));
  const isMade = context.workload.chains.map(({ chain }) => conditions(chain));
  for (const pipeline of allPipelines(plan)) {
    if (!replicasIn(plan, pipeline).some((replica) => wanted.has(replica))) continue;
    pipelineDevices(plan, pipeline).forEach((devices, place) => {
      for (const device of devices) {
        const list = lists[device];
        for (const { op, chain: c, stage, microbatch } of steps[place]) {
          const chain = plan.chains[c].id;
          const layers = layersOf[c][stage];
          addFills(list, device, { op, chain, stage, microbatch });
          if (op === "SELF_COND" && !isMade[c]) continue;
          if (plan.recompute && (op === "B" || op === "I")) list.push({ op: "R", iteration: 0, chain, stage, microbatch, layers });
          list.push({ op, iteration: 0, chain, stage, microbatch, layers });
        }
      }
    });
  }
  addUpdates(plan, context, lists, addFills);
  if ([...anchored.values()].some(({ size }) => size > 0)) {
    const lost = plan.fills.find(({ device, before }) => anchored.get(device)?.has(keyOf(before))) ?? plan.fills[0];
    throw new UserError(`There is no such operation on device ${lost.device}.`, { field: `fills[${plan.fills.indexOf(lost)}].before` });
  }
  return lists;
}

/** What follows the passes on each rank that has any. */
function addUpdates(plan: Plan, { costs }: Context, lists: Operation[][], addFills: (list: Operation[], device: number, anchor: FillAnchor) => void): void {
  const everyone = lists.map((_, rank) => rank);
  for (const [rank, held] of holdingsOf(plan).entries()) {
    const list = lists[rank];
    if (list.length === 0) continue;
    const stages = held
      .filter(({ chain, stage }, i) => held.findIndex((other) => other.chain === chain && other.stage === stage) === i)
      .map(({ chain: c, stage: s }) => ({ c, chain: plan.chains[c].id, stage: s, ...plan.chains[c].stages[s] }))
      // One order on all ranks, or two of them could wait in different all-reduces; later stages have their gradients earlier.
      .sort((a, b) => b.stage - a.stage || a.c - b.c);
    for (const { c, chain, stage, from, to, devices } of stages) {
      if (devices.length < 2) continue;
      const { gradients } = costs.bytes(c, plan.optimizer.gradDtype);
      list.push({ op: "REDUCE", iteration: 0, chain, stage, layers: [from, to], peers: devices, bytes: gradients[to] - gradients[from] });
    }
    addFills(list, rank, { op: "OPTIM" });
    if (plan.optimizer.maxGradNorm !== undefined) list.push({ op: "GRAD_NORM", iteration: 0, peers: everyone });
    for (const { chain, stage } of stages) {
      list.push({ op: "OPTIM", iteration: 0, chain, stage });
      if (plan.optimizer.ema) list.push({ op: "EMA", iteration: 0, chain, stage });
    }
  }
}
