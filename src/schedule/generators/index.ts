/** Every schedule by name. */
import { UserError } from "../../model/errors";
import type { ScheduleName } from "../../model/plan";
import { ddp } from "./ddp";
import { gpipe } from "./gpipe";
import { interleaved } from "./interleaved";
import { oneFOneB } from "./oneFOneB";
import type { DeviceOrders, Pipeline } from "./order";
import { bidirectional, chimera } from "./twoWays";

/** @throws UserError where the schedule does not exist for such a pipeline. */
export function deviceOrders(pipeline: Pipeline): DeviceOrders {
  checkPipeline(pipeline);
  const { schedule, devices, microbatches, chains } = pipeline;
  switch (schedule.name) {
    case "ddp":
      return ddp(microbatches);
    case "gpipe":
      return gpipe(devices, microbatches);
    case "1f1b":
      return oneFOneB(devices, microbatches, schedule.warmup ?? 1);
    case "interleaved":
      return interleaved(devices, chains[0].stages, microbatches);
    case "chimera":
      return chimera(devices, microbatches, chains[0].times);
    case "bidirectional":
      return bidirectional(devices, microbatches, chains);
  }
}

/** @throws UserError where the schedule does not exist for such a pipeline. */
export function checkPipeline({ schedule: { name }, devices, chains }: Omit<Pipeline, "microbatches">): void {
  const refuse = (message: string): never => {
    throw new UserError(message, { field: "schedule.name" });
  };
  const wanted = name === "bidirectional" ? 2 : 1;
  if (chains.length !== wanted) refuse(`The schedule "${name}" runs ${wanted === 1 ? "one chain" : "two chains"}, found ${chains.length}.`);
  const [{ stages }] = chains;
  if (name === "ddp" && stages !== 1) refuse(`Data parallelism has one stage, found ${stages}.`);
  if (name === "chimera" && devices % 2 !== 0) refuse(`Chimera has an even number of stages, found ${devices}.`);
  if (name === "interleaved") {
    if (stages % devices !== 0 || stages === devices) refuse(`Interleaved 1F1B has the same number of stages on each device, and two at least; found ${stages} on ${devices} devices.`);
  } else if (chains.some((chain) => chain.stages !== devices)) {
    refuse(`The schedule "${name}" has one stage${wanted === 1 ? "" : " of each chain"} per device, found ${chains.map((chain) => chain.stages).join(" and ")} on ${devices} devices.`);
  }
}

/** Which device of the pipeline holds a stage. */
export function deviceOf({ schedule, devices, chains }: Pick<Pipeline, "schedule" | "devices" | "chains">, chain: number, stage: number, replica: 0 | 1): number {
  if (schedule.name === "interleaved") return stage % devices;
  const isUp = schedule.name === "chimera" ? replica === 1 : chains[chain].direction === "up";
  return isUp ? devices - 1 - stage : stage;
}

/** How many data-parallel replicas share the devices of one pipeline. */
export function replicasPerPipeline(schedule: ScheduleName): 1 | 2 {
  return schedule === "chimera" ? 2 : 1;
}
