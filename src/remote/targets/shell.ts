/**
 * A bash on the target that reads a script from standard input: on this machine or at the other end of ssh.
 * The command line is always the same; paths and settings travel inside the script, where only bash reads them,
 * so the login shell of the target never parses anything of ours. Data for the script follows it in the same stream.
 */
import { randomBytes } from "node:crypto";
import { UserError } from "../../model/errors";
import type { Processes, ProcessResult } from "../../platform/process";
import { setArguments } from "./quote";
import { vocabulary } from "./scripts";

export interface ShellCall {
  readonly arguments?: readonly string[];
  /** What the script reads from its standard input. */
  readonly data?: AsyncIterable<Uint8Array> | Uint8Array | string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface Shell {
  /** For messages: "this machine", or the host. */
  readonly label: string;
  /** What is started; the script goes to its standard input. */
  readonly argv: readonly string[];
  /**
   * What the script wrote.
   * @throws UserError with the script's own sentence when it refused, ConnectionLost when it may work later.
   */
  run(script: string, call?: ShellCall): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The target could not be reached just now; the same call may succeed later. */
export class ConnectionLost extends UserError {}

/** Scripts refuse with this code and a sentence on standard error. */
const refusedCode = 3;
/** Nothing that a script answers is larger, but for results, which are bounded where they are fetched. */
const maxAnswerBytes = 1024 * 1024 * 1024;

async function* joined(head: string, data: NonNullable<ShellCall["data"]>): AsyncIterable<Uint8Array> {
  yield Buffer.from(head);
  if (typeof data === "string") yield Buffer.from(data);
  else if (data instanceof Uint8Array) yield data;
  else yield* data;
}

/** The text that a shell is given: read whole before any of it runs, so that what follows it is left for the script. */
export function scriptText(script: string, values: readonly string[], mark: string): string {
  return `diffusionpipe() {\n${setArguments(values)}\n${vocabulary}\nprintf '%s\\n' ${mark}\n${script}\n}\ndiffusionpipe; exit\n`;
}

/** Start-up files of a login shell may print; what is ours begins after the mark. */
function afterMark(output: Uint8Array, mark: string): Uint8Array | undefined {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
  const at = bytes.indexOf(`${mark}\n`);
  return at < 0 ? undefined : bytes.subarray(at + mark.length + 1);
}

/** Runs one script; `explain` turns a failed connection into a sentence. */
export async function callShell(
  processes: Processes,
  shell: Pick<Shell, "label" | "argv">,
  script: string,
  call: ShellCall,
  explain: (result: ProcessResult) => Error | undefined,
): Promise<Uint8Array> {
  const mark = `diffusionpipe-${randomBytes(12).toString("hex")}`;
  const result = await processes.run({
    argv: shell.argv,
    input: joined(scriptText(script, call.arguments ?? [], mark), call.data ?? ""),
    signal: call.signal,
    timeoutMs: call.timeoutMs,
    maxOutputBytes: maxAnswerBytes,
  });
  const answer = afterMark(result.output, mark);
  if (result.code === 0 && answer) return answer;
  const sentence = /^diffusionpipe: (.*)$/m.exec(result.errorOutput)?.[1];
  if (result.code === refusedCode && sentence) throw new UserError(`${shell.label}: ${sentence}`);
  const explained = explain(result);
  if (explained) throw explained;
  const tail = result.errorOutput.trim().split("\n").slice(-3).join(" ");
  throw new Error(`${shell.label}: the script ended with ${result.code ?? result.endedBy}. ${tail}`);
}
