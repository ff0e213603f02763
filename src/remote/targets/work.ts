/** The commands of the trainer that a target runs. */
import type { Program } from "../../model/program";
import type { Target } from "../../model/target";
import { inRun } from "./runScript";
import type { Work } from "./target";

function threads(target: Target): readonly string[] {
  return target.threadsPerRank === undefined ? [] : ["--threads", String(target.threadsPerRank)];
}

/** Training, a process for each rank. */
export function trainingWork(target: Target, program: Program): Work {
  return {
    processes: program.worldSize,
    input: { path: "program.json", document: program },
    command: [
      "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", String(program.worldSize),
      "-m", "diffusionpipe_trainer", "run",
      "--program", inRun("program.json"), "--model", inRun("model"), "--data", inRun("data"), "--run-dir", inRun(""), "--output", inRun("output"),
      ...threads(target),
      ...(target.pinCores ? ["--pin-cores"] : []),
    ],
  };
}

/** Below the run's folder: the profile that `profilingWork` makes. */
export const profileResult = "model.profile.json";

/** Measuring every layer on one device while `busyCores` other cores compute. */
export function profilingWork(target: Target, skeleton: object, batches: readonly number[], busyCores: number): Work {
  return {
    processes: 1 + busyCores,
    input: { path: "skeleton.json", document: skeleton },
    command: [
      "-m", "diffusionpipe_trainer", "profile",
      "--model", inRun("model"), "--skeleton", inRun("skeleton.json"), "--batches", batches.join(","),
      ...threads(target),
      "--busy-cores", String(busyCores), "-o", inRun(profileResult),
    ],
  };
}
