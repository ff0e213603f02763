/** The measuring process seen from outside: started when needed, started anew after it died. */
import { Cancelled, messageOf } from "../model/errors";
import type { Processes } from "../platform/process";
import type { ScriptCommand } from "../platform/nodeScript";
import { failureOf, failureOfExit, type Failure } from "./failure";
import { parseReply, type MeasureRequest, type ProbeRequest, type Reply } from "./messages";

type Answer = Extract<Reply, { kind: "probed" | "measured" }> | ({ readonly kind: "failed" } & Failure);
type Unnumbered = Omit<ProbeRequest, "id"> | Omit<MeasureRequest, "id">;

const mostLineBytes = 1024 * 1024;

/** Lines to be read by a process, written one by one. */
class LineQueue implements AsyncIterableIterator<Uint8Array> {
  private readonly waiting: Uint8Array[] = [];
  private wake: ((result: IteratorResult<Uint8Array>) => void) | undefined;
  private ended = false;

  write(line: string): void {
    const value = new TextEncoder().encode(`${line}\n`);
    if (this.wake) this.wake({ value, done: false });
    else this.waiting.push(value);
    this.wake = undefined;
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.waiting.shift();
    if (value) return Promise.resolve({ value, done: false });
    if (this.ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => (this.wake = resolve));
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.ended = true;
    this.wake?.({ value: undefined, done: true });
    this.wake = undefined;
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

interface Running {
  readonly lines: LineQueue;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

export class MeasuringProcess {
  private running: Running | undefined;
  private pending: { readonly id: number; readonly resolve: (answer: Answer) => void } | undefined;
  private lastId = 0;
  /** onnxruntime's version and the folder of its native libraries, known after the first answer. */
  runtimeVersion = "";
  libraryFolder = "";
  /** What the last process printed to standard error: native libraries say there why they fail. Known after `close`. */
  errorOutput = "";

  constructor(
    private readonly processes: Processes,
    private readonly command: ScriptCommand,
    private readonly onStart: (pid: number) => void = () => {},
  ) {}

  /**
   * One request at a time. A process that dies or does not answer in time is an answer of kind "failed".
   * @throws Cancelled when `signal` fired; the process is then gone.
   */
  async request(message: Unnumbered, { signal, timeoutMs }: { signal?: AbortSignal; timeoutMs: number }): Promise<Answer> {
    if (signal?.aborted) throw new Cancelled();
    const running = (this.running ??= this.start());
    const id = (this.lastId += 1);
    let stopWaiting = () => {};
    const outcome = await new Promise<Answer | "late" | "cancelled">((resolve) => {
      this.pending = { id, resolve };
      const timer = setTimeout(() => resolve("late"), timeoutMs);
      const onAbort = () => resolve("cancelled");
      signal?.addEventListener("abort", onAbort, { once: true });
      stopWaiting = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.pending = undefined;
      };
      running.lines.write(JSON.stringify({ ...message, id }));
    }).finally(() => stopWaiting());
    if (outcome !== "late" && outcome !== "cancelled") return outcome;
    running.abort.abort();
    await running.ended;
    if (outcome === "cancelled") throw new Cancelled();
    return { kind: "failed", status: "crashed", message: `No answer within ${Math.round(timeoutMs / 1000)} s.` };
  }

  /** Lets the process end by itself: its input ends. */
  async close(): Promise<void> {
    const running = this.running;
    await running?.lines.return();
    await running?.ended;
  }

  private start(): Running {
    const lines = new LineQueue();
    const abort = new AbortController();
    const decoder = new TextDecoder();
    let rest = "";
    const onOutput = (chunk: Uint8Array) => {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = (parts.pop() ?? "").slice(-mostLineBytes);
      for (const line of parts) this.receive(line);
    };
    const ended = this.processes
      .run({ argv: this.command.argv, environment: this.command.environment, input: lines, onOutput, signal: abort.signal })
      .then((result) => {
        this.errorOutput = result.errorOutput;
        return failureOfExit(result);
      })
      .catch((error: unknown) => failureOf(messageOf(error)))
      .then((failure) => {
        this.running = undefined;
        this.pending?.resolve({ kind: "failed", ...failure });
      });
    return { lines, abort, ended };
  }

  private receive(line: string): void {
    const reply = parseReply(line);
    if (!reply) return;
    if (reply.kind === "ready") {
      this.runtimeVersion = reply.runtimeVersion;
      this.libraryFolder = reply.libraryFolder;
      this.onStart(reply.pid);
    } else if (reply.id === this.pending?.id) {
      this.pending.resolve(reply);
    }
  }
}
