/** Every schedule by name. */
import { UserError } from "../../model/errors";
import type { ScheduleName } from "../../model/plan";
import { ddp } from "./ddp";
import { gpipe } from "./gpipe";
import { interleaved, roundsOf } from "./interleaved";
import { withLateWeightGrads } from "./lateWeights";
import { oneFOneB } from "./oneFOneB";
import type { DeviceOrders, Pipeline, Step } from "./order";
import { bidirectional, chimera } from "./twoWays";
import { deviceInV, dualPipeV, zbV } from "./vShaped";
import { zeroBubble } from "./zeroBubble/zeroBubble";

/** Chains that do not go in two directions run one after another. @throws UserError where the schedule does not exist for such a pipeline. */
export function deviceOrders(pipeline: Pipeline): DeviceOrders {
  checkPipeline(pipeline);
  const { schedule, devices, microbatches, chains } = pipeline;
  if (schedule.name === "bidirectional") return bidirectional(devices, microbatches, chains);
  const asMade = chains.map((chain) => ordersOfOne(pipeline, chain));
  return oneAfterAnother(schedule.lateWeightGrads ? asMade.map(withLateWeightGrads) : asMade);
}

/** @param orders `[chain]`: of one chain each. */
export function oneAfterAnother(orders: readonly DeviceOrders[]): DeviceOrders {
  return orders[0].map((_, device) => orders.flatMap((order, c) => (c === 0 ? order[device] : order[device].map((step) => inChain(step, c)))));
}

function ordersOfOne({ schedule, devices, microbatches, endsTogether }: Pipeline, { stages, times }: Pipeline["chains"][number]): DeviceOrders {
  switch (schedule.name) {
    case "ddp":
      return ddp(microbatches);
    case "gpipe":
      return gpipe(devices, microbatches);
    case "interleaved":
      return interleaved(devices, stages, microbatches);
    case "zb-h1":
      return zeroBubble(devices, microbatches, devices, times, endsTogether);
    case "zb-h2":
      return zeroBubble(devices, microbatches, schedule.held ?? mostHeld(devices), times, endsTogether);
    case "zb-v":
      return zbV(devices, microbatches);
    case "dualpipev":
      return dualPipeV(devices, microbatches);
    case "chimera":
      return chimera(devices, microbatches, schedule.concatenation, times);
    default:
      return oneFOneB(devices, microbatches, schedule.warmup ?? 1);
  }
}

function inChain(step: Step, chain: number): Step {
  if (step.op !== "OVERLAP_F_B") return { ...step, chain };
  return { ...step, forward: { ...step.forward, chain }, backward: { ...step.backward, chain } };
}

/** @throws UserError where the schedule does not exist for such a pipeline. */
export function checkPipeline({ schedule: { name }, devices, microbatches, chains }: Pipeline): void {
  const refuse = (message: string): never => {
    throw new UserError(message, { field: "schedule.name" });
  };
  if (name === "bidirectional" && chains.length < 2) refuse(`The schedule "bidirectional" runs two chains or more, found ${chains.length}.`);
  if (name === "bidirectional" && devices > 1 && chains.every(({ direction }) => direction !== "up")) refuse(`The schedule "bidirectional" has chains in both directions; here all begin on the same device.`);
  if (name === "chimera" && devices % 2 !== 0) refuse(`Chimera has an even number of stages, found ${devices}.`);
  for (const { stages } of chains) {
    if (name === "ddp" && stages !== 1) refuse(`Data parallelism has one stage, found ${stages}.`);
    if (name === "interleaved") {
      if (stages % devices !== 0 || stages === devices) refuse(`Interleaved 1F1B has the same number of stages on each device, and two at least; found ${stages} on ${devices} devices.`);
    } else if (isInV(name)) {
      if (stages !== 2 * devices) refuse(`The schedule "${name}" has two stages on each device, found ${stages} on ${devices} devices.`);
    } else if (stages !== devices) {
      refuse(`The schedule "${name}" has one stage${chains.length === 1 ? "" : " of each chain"} per device, found ${chains.map((chain) => chain.stages).join(" and ")} on ${devices} devices.`);
    }
    const problem = microbatchProblem(name, devices, stages, microbatches);
    if (problem !== undefined) throw new UserError(problem, { field: "batch.microbatches" });
  }
}

/** Why a schedule does not exist for so many micro-batches; undefined where it does. */
export function microbatchProblem(schedule: ScheduleName, devices: number, stages: number, microbatches: number): string | undefined {
  const rounds = roundsOf(devices, microbatches);
  if (schedule === "interleaved" && microbatches % rounds !== 0) return `Interleaved 1F1B takes its micro-batches in ${rounds} equal rounds; ${microbatches} cannot be divided so.`;
  if (schedule === "dualpipev" && microbatches < stages) return `DualPipeV has as many micro-batches as stages at least; found ${microbatches} for ${stages} stages.`;
  return undefined;
}

/** Micro-batches that a device of ZB-H2 holds unless a plan says otherwise: with equal passes, more are of no use. */
export function mostHeld(devices: number): number {
  return 2 * devices - 1;
}

/** Whether a schedule's order depends on what passes and messages take. */
export function dependsOnTimes(schedule: ScheduleName): boolean {
  return schedule === "bidirectional" || schedule === "zb-h1" || schedule === "zb-h2";
}

/** Whether the schedule makes weight gradients apart from those of inputs. */
export function hasWeightPasses(schedule: ScheduleName): boolean {
  return schedule === "zb-h1" || schedule === "zb-h2" || isInV(schedule);
}

/** Whether the schedule puts stages i and 2 * devices - 1 - i on one device. */
export function isInV(schedule: ScheduleName): boolean {
  return schedule === "zb-v" || schedule === "dualpipev";
}

/** Which device of the pipeline holds a stage. */
export function deviceOf({ schedule, devices, chains }: Pick<Pipeline, "schedule" | "devices" | "chains">, chain: number, stage: number, replica: 0 | 1): number {
  if (schedule.name === "interleaved") return stage % devices;
  if (isInV(schedule.name)) return deviceInV(devices, stage);
  const isUp = schedule.name === "chimera" ? replica === 1 : chains[chain].direction === "up";
  return isUp ? devices - 1 - stage : stage;
}

/** How many data-parallel replicas share the devices of one pipeline. */
export function replicasPerPipeline(schedule: ScheduleName): 1 | 2 {
  return schedule === "chimera" ? 2 : 1;
}
