/** What of an operation's time each of its layers takes, as the profile has it. */
import { isEstimate } from "../../model/costs";
import type { Plan } from "../../model/plan";
import type { LayerRef, ProfileLayer } from "../../model/profile";
import type { OperationName } from "../../model/program";
import type { TimelineOperation } from "../../model/timeline";
import type { Context } from "../../simulate/context";
import { layersOf } from "./layerSequence";

export interface LayerShare extends LayerRef {
  readonly ms: number;
  readonly estimate: boolean;
}

export interface LayerWork {
  /** In the order of the chain or component. */
  readonly layers: readonly LayerShare[];
  /** Samples computed at once. */
  readonly batch: number;
  /** Bytes that a forward pass leaves for the backward pass. */
  readonly saved?: { readonly untilInputGrad: number; readonly untilWeightGrad: number };
}

const passes: Partial<Readonly<Record<OperationName, "forward" | "backward" | "inputGrad" | "weightGrad">>> = { F: "forward", R: "forward", SELF_COND: "forward", B: "backward", I: "inputGrad", W: "weightGrad" };

/** Undefined where an operation computes no layers that the profile knows. */
export function layerWorkOf(operation: TimelineOperation, plan: Plan, context: Context): LayerWork | undefined {
  return operation.op === "FILL" ? fillWork(operation, context) : passWork(operation, plan, context);
}

function passWork(operation: TimelineOperation, plan: Plan, { workload, costs, kinds }: Context): LayerWork | undefined {
  const { op, chain, stage, layers: range, device } = operation;
  const pass = passes[op];
  const c = chain === undefined && workload.chains.length === 1 ? 0 : workload.chains.findIndex((other) => other.chain.id === chain);
  const devices = plan.chains.find(({ id }) => id === workload.chains[c]?.chain.id)?.stages[stage ?? 0]?.devices;
  if (!pass || !range || !devices || kinds[device] === undefined) return undefined;
  const batch = (plan.batch.global / plan.batch.microbatches) / devices.length;
  const sums = costs.chain(c, batch, kinds[device])[pass];
  const { layers } = workload.chains[c];
  const bytes = costs.bytes(c, plan.optimizer.gradDtype);
  const saves = op === "F" && plan.recompute !== true;
  return {
    layers: shares(operation, workload.profile, range, layers, sums, batch, pass !== "forward"),
    batch,
    ...(saves && { saved: { untilInputGrad: batch * (bytes.untilInputGrad[range[1]] - bytes.untilInputGrad[range[0]]), untilWeightGrad: batch * (bytes.untilWeightGrad[range[1]] - bytes.untilWeightGrad[range[0]]) } }),
  };
}

function fillWork(operation: TimelineOperation, { workload, costs, kinds }: Context): LayerWork | undefined {
  const { component, layers: range, samples, device } = operation;
  const part = workload.frozen.findIndex((other) => other.component === component);
  if (part < 0 || !range || !samples || kinds[device] === undefined) return undefined;
  const batch = samples[1] - samples[0];
  return { layers: shares(operation, workload.profile, range, workload.frozen[part].layers, costs.frozen(part, batch, kinds[device]), batch, false), batch };
}

function shares(operation: TimelineOperation, profile: Context["workload"]["profile"], [from, to]: readonly [number, number], layers: readonly ProfileLayer[], sums: Float64Array, batch: number, backward: boolean): readonly LayerShare[] {
  const refs = layersOf(profile, operation);
  return layers.slice(from, to).map((layer, i) => ({ ...refs[i], ms: sums[from + i + 1] - sums[from + i], estimate: isEstimate(layer, batch, backward) }));
}
