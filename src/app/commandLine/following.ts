/** Following a run in a terminal: its log on standard output, everything else on standard error. */
import { follow, type RunServices } from "../runs";
import type { Progress, RunStatus } from "../../remote/targets/target";

export function describeProgress({ step, steps, loss }: Progress): string {
  return [step === undefined ? "" : `step ${step}${steps === undefined ? "" : ` of ${steps}`}`, loss === undefined ? "" : `loss ${loss.toFixed(4)}`].filter((part) => part !== "").join(", ");
}

export function describeStatus(status: RunStatus): string {
  const duration = status.startedAt !== undefined && status.endedAt !== undefined ? ` after ${status.endedAt - status.startedAt} s` : "";
  const why = status.state === "failed" ? ` with exit code ${status.exitCode}${status.progress?.message ? `: ${status.progress.message}` : ""}` : "";
  const lost = status.state === "lost" ? ": its processes are gone and left no exit code (was the machine restarted?)" : "";
  const progress = status.state === "running" && status.progress ? `: ${describeProgress(status.progress)}` : "";
  return `${status.state}${why}${lost}${progress}${duration}`;
}

/** Until it ends. @throws Error (the machine failed) unless it completed. */
export async function followToEnd(services: RunServices, id: string, request: { readonly from: "start" | "shown"; readonly logTo: NodeJS.WriteStream; readonly signal: AbortSignal }): Promise<RunStatus> {
  const status = await follow(services, id, {
    from: request.from,
    onLine: (line) => request.logTo.write(`${line}\n`),
    onProgress: (progress) => process.stderr.write(`${describeProgress(progress)}\n`),
    onDisconnect: (why) => process.stderr.write(`${why} Trying again; the run goes on.\n`),
    signal: request.signal,
  });
  if (status.state !== "completed") throw new Error(`The run ${id} ${describeStatus(status)}.`);
  return status;
}
