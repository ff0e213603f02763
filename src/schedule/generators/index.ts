/** Every schedule by name. */
import { UserError } from "../../model/errors";
import type { ScheduleName } from "../../model/plan";
import { ddp } from "./ddp";
import { gpipe } from "./gpipe";
import { oneFOneB } from "./oneFOneB";
import type { StageOrders } from "./order";

/** @throws UserError where the schedule does not exist for so many stages. */
export function stageOrders(schedule: { readonly name: ScheduleName; readonly warmup?: number }, stages: number, microbatches: number): StageOrders {
  switch (schedule.name) {
    case "ddp":
      if (stages !== 1) throw new UserError(`Data parallelism has one stage, found ${stages}.`, { field: "schedule.name" });
      return ddp(microbatches);
    case "gpipe":
      return gpipe(stages, microbatches);
    case "1f1b":
      return oneFOneB(stages, microbatches, schedule.warmup ?? 1);
  }
}

/** The most micro-batches whose activations a stage holds at once. */
export function microbatchesHeld(schedule: { readonly name: ScheduleName; readonly warmup?: number }, stages: number, stage: number, microbatches: number): number {
  if (schedule.name === "gpipe") return microbatches;
  return Math.min(microbatches, (schedule.warmup ?? 1) * (stages - 1 - stage) + 1);
}
