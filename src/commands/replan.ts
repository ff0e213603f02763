/** Plans again what an edit in a timeline asks for, in a worker, behind a notification that can cancel it. */
import { workerSearches } from "../app/searchWorker";
import type { Plan } from "../model/plan";
import type { Replan } from "../protocol/messages";
import type { Context } from "../simulate/context";
import { withProgress } from "./progress";
import type { Shell } from "./shell";

const titles: Readonly<Record<Replan["kind"], string>> = { change: "Changing the plan", refill: "Filling the bubbles again", improve: "Looking for a better plan", repair: "Planning the stages again" };

/** @throws UserError where it cannot be done; Cancelled. */
export function replanWithProgress(shell: Shell, plan: Plan, request: Replan, context: Context): Promise<Plan> {
  return withProgress(shell, titles[request.kind], undefined, (signal, report) =>
    workerSearches(shell.scriptsFolder).replan(plan, request, context, {
      signal,
      onProgress: (done, total, bestMs) => report({ message: `${done} of ${total}${bestMs === undefined ? "" : `, best ${bestMs.toFixed(1)} ms`}`, fraction: done / total }),
    }),
  );
}
