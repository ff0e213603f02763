/** Other cores kept busy while layers are measured, since a layer alone on an idle machine is not a layer in a busy pipeline. */
import type { ScriptCommand } from "../platform/nodeScript";
import type { Processes } from "../platform/process";

/** Input that never comes: the helpers end when it ends, also when this process dies. */
async function* silence(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

/** Runs `work` beside `count` helpers, once all of them compute. @throws Error where a helper ends before the work does: the load was not what is recorded. */
export async function besideBusyCores<T>(processes: Processes, command: ScriptCommand, count: number, work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let early: string | undefined;
  const failIfEarly = () => {
    if (early !== undefined) throw new Error(early);
  };
  const helpers = Array.from({ length: count }, () => {
    let computes = () => {};
    const started = new Promise<void>((resolve) => (computes = resolve));
    const ended = processes.run({ argv: command.argv, environment: command.environment, input: silence(stop.signal), onOutput: computes }).then((result) => {
      if (!stop.signal.aborted) early = `A process that keeps a core busy ended too early (${result.endedBy ?? result.code}). ${result.errorOutput.trim().slice(-400)}`;
    });
    return { started: Promise.race([started, ended]), ended };
  });
  try {
    await Promise.all(helpers.map(({ started }) => started));
    failIfEarly();
    const result = await work();
    failIfEarly();
    return result;
  } finally {
    stop.abort();
    await Promise.allSettled(helpers.map(({ ended }) => ended));
  }
}
