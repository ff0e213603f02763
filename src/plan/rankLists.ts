/** A plan's lists of operations, one per rank: what each computes, and the communication that follows from it. */
import { UserError } from "../model/errors";
import type { Fill, FillAnchor, Plan } from "../model/plan";
import type { Operation } from "../model/program";
import { gradBytes } from "../model/costs";
import { crossingBytes, type Workload } from "../model/workload";
import { insertCommunication, type Transfer } from "../schedule/communication";
import { stageOrders } from "../schedule/generators";
import { frozenTransfers } from "./frozenTransfers";
import { sharedFrozenWork } from "./frozenWork";
import { microbatchSamples } from "./stages";

type Lists = readonly (readonly Operation[])[];

/**
 * One iteration: the passes of each rank's stage in the schedule's order, each with the fills anchored to it before it; then
 * REDUCE (data parallelism), the fills anchored to "OPTIM", GRAD_NORM (where clipping asks for it), OPTIM, EMA, and the
 * encodings that arrive for the next iteration. Lists of ranks outside of `replicas` are empty, and so must their fills be.
 * @throws UserError where the schedule or a fill's anchor does not exist.
 */
export function iterationLists(plan: Plan, workload: Workload, replicas = allReplicas(plan)): Lists {
  const lists = rankLists(plan, workload, replicas);
  return insertCommunication(lists, [...passTransfers(plan, workload, lists, replicas), ...frozenTransfers(plan, workload, lists, replicas)]);
}

/** What prepares the first iteration of a filled run; nothing for plans whose fills serve the iteration they stand in. */
export function prologueLists(plan: Plan, workload: Workload): Lists {
  const lists: Operation[][] = Array.from({ length: worldSizeOf(plan) }, () => []);
  if (!plan.fills.some((fill) => (fill.iteration ?? 1) === 1)) return lists;
  for (const { device, component, from, to, samples } of sharedFrozenWork(plan, workload)) {
    lists[device].push({ op: "FILL", iteration: 0, component, layers: [from, to], samples });
  }
  return insertCommunication(lists, frozenTransfers(plan, workload, lists, allReplicas(plan)));
}

export function allReplicas(plan: Pick<Plan, "dataParallel">): readonly number[] {
  return Array.from({ length: plan.dataParallel }, (_, replica) => replica);
}

export function worldSizeOf(plan: Pick<Plan, "dataParallel" | "chains">): number {
  return plan.dataParallel * plan.chains[0].stages.length;
}

function anchorKey(device: number, anchor: FillAnchor): string {
  return anchor.op === "OPTIM" ? `${device} OPTIM` : `${device} ${anchor.op} ${anchor.stage} ${anchor.microbatch}`;
}

function fillOperation(fill: Fill): Operation {
  return { op: "FILL", iteration: fill.iteration ?? 1, component: fill.component, layers: [fill.from, fill.to], samples: fill.samples };
}

function rankLists(plan: Plan, workload: Workload, replicas: readonly number[]): Lists {
  const { stages } = plan.chains[0];
  const orders = stageOrders(plan.schedule, stages.length, plan.batch.microbatches);
  const chain = workload.chain.id;
  const anchored = new Map<string, Fill[]>();
  for (const fill of plan.fills) {
    const key = anchorKey(fill.device, fill.before);
    const fills = anchored.get(key);
    if (fills) fills.push(fill);
    else anchored.set(key, [fill]);
  }
  const takeFills = (device: number, anchor: FillAnchor): readonly Operation[] => {
    const key = anchorKey(device, anchor);
    const fills = anchored.get(key) ?? [];
    anchored.delete(key);
    return fills.map(fillOperation);
  };
  const lists: Operation[][] = Array.from({ length: worldSizeOf(plan) }, () => []);
  stages.forEach((stage, s) => {
    const gradients = workload.layers.slice(stage.from, stage.to).reduce((bytes, layer) => bytes + gradBytes(layer, workload.profile.device.precision, plan.optimizer.gradDtype), 0);
    for (const replica of replicas) {
      const device = stage.devices[replica];
      const list = lists[device];
      for (const { op, microbatch } of orders[s]) {
        list.push(...takeFills(device, { op, chain, stage: s, microbatch }), { op, iteration: 0, chain, stage: s, microbatch, layers: [stage.from, stage.to] });
      }
      if (plan.dataParallel > 1) list.push({ op: "REDUCE", iteration: 0, chain, stage: s, layers: [stage.from, stage.to], peers: stage.devices, bytes: gradients });
      list.push(...takeFills(device, { op: "OPTIM" }));
      if (plan.optimizer.maxGradNorm !== undefined) list.push({ op: "GRAD_NORM", iteration: 0, peers: lists.map((_, rank) => rank) });
      list.push({ op: "OPTIM", iteration: 0, chain, stage: s });
      if (plan.optimizer.ema) list.push({ op: "EMA", iteration: 0, chain, stage: s });
    }
  });
  const lost = [...anchored.values()][0]?.[0];
  if (lost) {
    throw new UserError(`There is no such operation on device ${lost.device}.`, { field: `fills[${plan.fills.indexOf(lost)}].before` });
  }
  return lists;
}

/** Activations and gradients between neighbouring stages of each replica. */
function passTransfers(plan: Plan, workload: Workload, lists: Lists, replicas: readonly number[]): readonly Transfer[] {
  const samples = microbatchSamples(plan);
  const { stages } = plan.chains[0];
  const { microbatches } = plan.batch;
  const forwardAt = lists.map(() => new Int32Array(microbatches));
  const backwardAt = lists.map(() => new Int32Array(microbatches));
  lists.forEach((list, rank) =>
    list.forEach((op, i) => {
      if (op.op === "F") forwardAt[rank][op.microbatch ?? 0] = i;
      else if (op.op === "B") backwardAt[rank][op.microbatch ?? 0] = i;
    }),
  );
  const chain = workload.chain.id;
  const transfers: Transfer[] = [];
  for (let s = 0; s + 1 < stages.length; s++) {
    const { forward, backward } = workload.cuts[stages[s].to];
    const bytes = { forward: crossingBytes(forward, samples), backward: backward ? crossingBytes(backward, samples) : 0 };
    for (const r of replicas) {
      const above = stages[s].devices[r];
      const below = stages[s + 1].devices[r];
      for (let microbatch = 0; microbatch < microbatches; microbatch++) {
        transfers.push({ iteration: 0, chain, channel: "forward", microbatch, stage: s, source: above, destination: below, after: forwardAt[above][microbatch], before: forwardAt[below][microbatch], tensors: forward.tensors, bytes: bytes.forward });
        if (!backward) continue;
        transfers.push({ iteration: 0, chain, channel: "backward", microbatch, stage: s + 1, source: below, destination: above, after: backwardAt[below][microbatch], before: backwardAt[above][microbatch], tensors: backward.tensors, bytes: bytes.backward });
      }
    }
  }
  return transfers;
}
