/** Compiles a plan into the program that the simulator times and the trainer executes. */
import { UserError } from "../model/errors";
import type { FileRef } from "../model/profile";
import type { Fill, FillAnchor, Plan } from "../model/plan";
import type { Operation, Program, ProgramStage } from "../model/program";
import { gradBytes } from "../model/costs";
import { crossingBytes, type Workload } from "../model/workload";
import { insertCommunication, type Transfer } from "../schedule/communication";
import { stageOrders } from "../schedule/generators";
import { frozenTransfers } from "./frozenTransfers";
import { sharedFrozenWork } from "./frozenWork";
import { microbatchSamples, programStages } from "./stages";

/**
 * The program of a plan that `validatePlan` accepts. Each rank's list: the passes of its stage in the schedule's order, each
 * with the fills anchored to it before it; then REDUCE (data parallelism), the fills anchored to "OPTIM", GRAD_NORM (where
 * clipping asks for it), OPTIM, EMA, and the encodings that arrive for the next iteration.
 * @throws UserError where the schedule or a fill's anchor does not exist.
 */
export function compilePlan(plan: Plan, workload: Workload, planRef?: FileRef): Program {
  const stages = programStages(plan, workload);
  const worldSize = plan.dataParallel * stages.length;
  const lists = rankLists(plan, workload, stages, worldSize);
  const transfers = [...passTransfers(plan, workload, lists), ...frozenTransfers(plan, workload, lists)];
  const prologue = plan.fills.some((fill) => (fill.iteration ?? 1) === 1) ? prologueLists(plan, workload, worldSize) : lists.map(() => []);
  const operations = insertCommunication(lists, transfers);
  const prologues = insertCommunication(prologue, frozenTransfers(plan, workload, prologue));
  return {
    format: "diffusionpipe.program/1",
    model: plan.model,
    ...(planRef && { plan: planRef }),
    worldSize,
    dataParallel: plan.dataParallel,
    batch: plan.batch,
    optimizer: plan.optimizer,
    training: plan.training,
    components: workload.profile.components.map((component) => ({
      name: component.name,
      ...(component.class !== undefined && { class: component.class }),
      role: isTrained(workload, component.name) ? "trained" : "frozen",
      after: component.after,
      layers: component.layers.map((layer) => layer.name),
    })),
    chains: [{ id: workload.chain.id, segments: workload.chain.segments, stages }],
    ranks: operations.map((list, rank) => ({ rank, prologue: prologues[rank], operations: list })),
  };
}

function isTrained(workload: Workload, component: string): boolean {
  const layers = workload.profile.components.find((candidate) => candidate.name === component)?.layers ?? [];
  return workload.chain.segments.some((segment) => segment.component === component && layers.slice(segment.from, segment.to).some((layer) => layer.needsWeightGrad));
}

function anchorKey(device: number, anchor: FillAnchor): string {
  return anchor.op === "OPTIM" ? `${device} OPTIM` : `${device} ${anchor.op} ${anchor.stage} ${anchor.microbatch}`;
}

function fillOperation(fill: Fill): Operation {
  return { op: "FILL", iteration: fill.iteration ?? 1, component: fill.component, layers: [fill.from, fill.to], samples: fill.samples };
}

function rankLists(plan: Plan, workload: Workload, stages: readonly ProgramStage[], worldSize: number): readonly (readonly Operation[])[] {
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
  const lists: Operation[][] = Array.from({ length: worldSize }, () => []);
  stages.forEach((stage, s) => {
    const gradients = workload.layers.slice(stage.from, stage.to).reduce((bytes, layer) => bytes + gradBytes(layer, workload.profile.device.precision, plan.optimizer.gradDtype), 0);
    for (const device of stage.devices) {
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

function prologueLists(plan: Plan, workload: Workload, worldSize: number): readonly (readonly Operation[])[] {
  const lists: Operation[][] = Array.from({ length: worldSize }, () => []);
  for (const { device, component, from, to, samples } of sharedFrozenWork(plan, workload)) {
    lists[device].push({ op: "FILL", iteration: 0, component, layers: [from, to], samples });
  }
  return lists;
}

/** Activations and gradients between neighbouring stages of each replica. */
function passTransfers(plan: Plan, workload: Workload, lists: readonly (readonly Operation[])[]): readonly Transfer[] {
  const samples = microbatchSamples(plan);
  const { stages } = plan.chains[0];
  const index = lists.map((list) => {
    const at = { F: new Map<number, number>(), B: new Map<number, number>() };
    list.forEach((op, i) => {
      if ((op.op === "F" || op.op === "B") && op.microbatch !== undefined) at[op.op].set(op.microbatch, i);
    });
    return at;
  });
  const transfers: Transfer[] = [];
  for (let s = 0; s + 1 < stages.length; s++) {
    const cut = workload.cuts[stages[s].to];
    for (let r = 0; r < plan.dataParallel; r++) {
      const above = stages[s].devices[r];
      const below = stages[s + 1].devices[r];
      const common = { iteration: 0 as const, chain: workload.chain.id };
      for (let microbatch = 0; microbatch < plan.batch.microbatches; microbatch++) {
        const at = (rank: number, op: "F" | "B") => index[rank][op].get(microbatch) ?? 0;
        transfers.push({ ...common, channel: "forward", microbatch, stage: s, source: above, destination: below, after: at(above, "F"), before: at(below, "F"), tensors: cut.forward.tensors, bytes: crossingBytes(cut.forward, samples) });
        if (cut.backward) {
          transfers.push({ ...common, channel: "backward", microbatch, stage: s + 1, source: below, destination: above, after: at(below, "B"), before: at(above, "B"), tensors: cut.backward.tensors, bytes: crossingBytes(cut.backward, samples) });
        }
      }
    }
  }
  return transfers;
}
