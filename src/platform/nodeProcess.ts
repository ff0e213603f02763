/** `Processes` by Node's child_process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Cancelled, UserError } from "../model/errors";
import type { Processes, ProcessRequest, ProcessResult } from "./process";

const graceMs = 2000;
const keptErrorBytes = 64 * 1024;

function toStream(input: NonNullable<ProcessRequest["input"]>): Readable {
  if (typeof input === "string") return Readable.from([Buffer.from(input)]);
  return input instanceof Uint8Array ? Readable.from([Buffer.from(input)]) : Readable.from(input);
}

async function run(request: ProcessRequest): Promise<ProcessResult> {
  const [program, ...args] = request.argv;
  if (request.signal?.aborted) throw new Cancelled();
  const child = spawn(program, args, {
    cwd: request.folder,
    env: request.environment === undefined ? process.env : { ...request.environment },
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  let stopReason: Error | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (reason: Error) => {
    if (stopReason) return;
    stopReason = reason;
    child.kill("SIGTERM");
    killTimer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  };
  const onAbort = () => stop(new Cancelled());
  request.signal?.addEventListener("abort", onAbort, { once: true });
  const timeout = request.timeoutMs === undefined ? undefined : setTimeout(() => stop(new Error(`${program} did not end within ${request.timeoutMs} ms.`)), request.timeoutMs);

  const output: Buffer[] = [];
  let outputBytes = 0;
  let errorOutput = Buffer.alloc(0);
  const limit = request.maxOutputBytes ?? 64 * 1024 * 1024;
  child.stdout.on("data", (chunk: Buffer) => {
    if (request.onOutput) return request.onOutput(chunk);
    outputBytes += chunk.length;
    if (outputBytes > limit) return stop(new Error(`${program} wrote more than ${limit} bytes.`));
    output.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    request.onErrorOutput?.(chunk);
    errorOutput = Buffer.concat([errorOutput, chunk]).subarray(-keptErrorBytes);
  });
  // A process that ends without reading all its input is judged by its exit code; a source that fails is our own failure.
  let inputFailure: Error | undefined;
  const feeding = pipeline(toStream(request.input ?? ""), child.stdin).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ECONNRESET" && error.code !== "ERR_STREAM_PREMATURE_CLOSE") {
      inputFailure = error;
      stop(error);
    }
  });
  try {
    const [code, endedBy] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    await feeding;
    if (stopReason) throw stopReason;
    if (inputFailure) throw inputFailure;
    return { code: code ?? undefined, ...(endedBy ? { endedBy } : {}), output: Buffer.concat(output), errorOutput: errorOutput.toString("utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && (error as NodeJS.ErrnoException).syscall?.startsWith("spawn")) {
      throw new UserError(`The program "${program}" was not found.`, { hint: "Install it, or put it on the PATH." });
    }
    throw error;
  } finally {
    clearTimeout(timeout);
    clearTimeout(killTimer);
    request.signal?.removeEventListener("abort", onAbort);
  }
}

export const nodeProcesses: Processes = { run };
