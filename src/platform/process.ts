/** Child processes as an injected seam. A command is always a list of arguments; there is no shell string anywhere. */

export interface ProcessRequest {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  readonly folder?: string;
  /** The whole environment; by default this process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What the process reads; its standard input is closed afterwards. */
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Called with standard output as it comes; it is then not collected. */
  readonly onOutput?: (chunk: Uint8Array) => void;
  /** Called with standard error as it comes, besides being collected. */
  readonly onErrorOutput?: (chunk: Uint8Array) => void;
  /** More collected output than this ends the process and fails. Default 64 MiB. */
  readonly maxOutputBytes?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface ProcessResult {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly endedBy?: string;
  readonly output: Uint8Array;
  /** The last 64 KiB. */
  readonly errorOutput: string;
}

export interface Processes {
  /**
   * Runs to the end. A non-zero exit is a result, not an error.
   * On cancel, timeout or too much output the process gets SIGTERM, and SIGKILL two seconds later.
   * @throws UserError when the program does not exist, Cancelled when `signal` fired, Error on timeout or too much output.
   */
  run(request: ProcessRequest): Promise<ProcessResult>;
}
