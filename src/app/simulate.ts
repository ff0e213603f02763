/** Use-cases: a plan file's predicted timeline, and the program it compiles into. */
import { basename } from "node:path";
import { UserError } from "../model/errors";
import type { Program } from "../model/program";
import type { Timeline } from "../model/timeline";
import { predictPlan } from "../plan/predict";
import type { Files } from "../platform/files";
import { checkProgram } from "../schedule/check";
import { openPlan, refFrom, resolveRef, type OpenedPlan } from "./planFiles";

export interface Simulated {
  readonly opened: OpenedPlan;
  readonly program: Program;
  readonly timeline: Timeline;
}

/**
 * Simulates the plan in `file`. `output`: where the program will stand; its references are relative to it.
 * @throws UserError naming file and field of what does not fit, and for a plan whose ranks would wait for each other.
 */
export async function simulatePlan(files: Files, file: string, output = file): Promise<Simulated> {
  const opened = await openPlan(files, file);
  try {
    const { program, timeline } = predictPlan(opened.plan, opened.context, refFrom(output, file, opened.sha256));
    const violation = checkProgram(program);
    if (violation !== undefined) throw new UserError(`This plan cannot run. ${violation}`);
    return { opened, timeline, program: { ...program, model: refFrom(output, resolveRef(file, opened.plan.model), opened.plan.model.sha256) } };
  } catch (error) {
    if (error instanceof UserError && error.file === undefined) throw new UserError(error.message, { file: basename(file) });
    throw error;
  }
}
