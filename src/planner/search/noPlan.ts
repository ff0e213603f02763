/** Why a search has no plan, and what would change that. */
import { UserError } from "../../model/errors";
import type { Context } from "../../simulate/context";
import type { SearchSpace } from "./candidates";
import type { Row } from "./search";

/** Of a space without candidates. */
export function nothingToSearch(space: SearchSpace, context: Context): UserError {
  const devices = context.devices.length;
  const asked = [space.stages && `${space.stages} stages`, space.microbatches && `${space.microbatches} micro-batches`].filter(Boolean).join(" and ");
  return new UserError(
    `A batch of ${space.globalBatch} cannot be split evenly over ${devices} devices${asked ? ` with ${asked}` : ""} (schedule ${space.schedules.join(" or ")}).`,
    { hint: `Stages must divide ${devices}${devices > 1 ? "" : " (a pipeline needs two devices)"}, and devices / stages * micro-batches must divide the batch.` },
  );
}

/** Of candidates of which none fits memory. */
export function nothingFits(rows: readonly Row[], context: Context): UserError {
  const nearest = rows.reduce((best, row) => ((row.missingBytes ?? Infinity) < (best.missingBytes ?? Infinity) ? row : best));
  const megabytes = Math.ceil((nearest.missingBytes ?? 0) / 1e6);
  return new UserError(
    `No plan fits the memory of ${context.devices[0].kind.name}: the nearest (${nearest.schedule}, ${nearest.stages} stages, ${nearest.microbatches} micro-batches) misses ${megabytes} MB on one device.`,
    { hint: "A smaller batch, more stages (more devices), 1F1B rather than GPipe, or a lower precision would need less." },
  );
}
