/** Every schedule by name. */
import { UserError } from "../../model/errors";
import type { ScheduleName } from "../../model/plan";
import { ddp } from "./ddp";
import { gpipe } from "./gpipe";
import { oneFOneB } from "./oneFOneB";
import type { DeviceOrders, Pipeline } from "./order";

/** @throws UserError where the schedule does not exist for such a pipeline. */
export function deviceOrders(pipeline: Pipeline): DeviceOrders {
  checkPipeline(pipeline);
  const { schedule, devices, microbatches } = pipeline;
  switch (schedule.name) {
    case "ddp":
      return ddp(microbatches);
    case "gpipe":
      return gpipe(devices, microbatches);
    case "1f1b":
      return oneFOneB(devices, microbatches, schedule.warmup ?? 1);
  }
}

/** @throws UserError where the schedule does not exist for such a pipeline. */
export function checkPipeline({ schedule, devices, chains }: Omit<Pipeline, "microbatches">): void {
  const refuse = (message: string): never => {
    throw new UserError(message, { field: "schedule.name" });
  };
  if (chains.length > 1) refuse(`The schedule "${schedule.name}" runs one chain, found ${chains.length}.`);
  const [{ stages }] = chains;
  if (schedule.name === "ddp" && stages !== 1) refuse(`Data parallelism has one stage, found ${stages}.`);
  if (stages !== devices) refuse(`The schedule "${schedule.name}" has one stage per device, found ${stages} on ${devices} devices.`);
}

/** Which device of the pipeline holds a stage. */
export function deviceOf(_pipeline: Pick<Pipeline, "schedule" | "devices" | "chains">, _chain: number, stage: number, _replica: 0 | 1): number {
  return stage;
}

/** How many data-parallel replicas share the devices of one pipeline. */
export function replicasPerPipeline(_schedule: ScheduleName): 1 | 2 {
  return 1;
}
