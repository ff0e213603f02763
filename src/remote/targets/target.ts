/** What every kind of target can do. A launch is two steps: `launchDocument` makes a document that shows everything; `stage` and `start` send that document. */
import type { Target } from "../../model/target";
import type { Tree } from "../sync/tree";
import type { Argument } from "./runScript";

/** Folders that a run needs, by the name they have in its folder. */
export interface Trees {
  readonly [name: string]: Tree;
  readonly trainer: Tree;
  readonly model: Tree;
}

/** What a run does: a command of the target's Python, and the document that it reads. */
export interface Work {
  readonly command: readonly Argument[];
  /** How many processes compute at one time, each on a device of its own. */
  readonly processes: number;
  /** JSON, written into the run's folder under this name. */
  readonly input: { readonly path: string; readonly document: object };
}

export interface LaunchRequest {
  readonly runId: string;
  readonly target: Target;
  /** Absolute path of the target file: its paths are relative to it. */
  readonly targetPath: string;
  readonly work: Work;
  readonly trees: Trees;
  /** What the trainer's requirements.txt pins. */
  readonly requirements: readonly Requirement[];
  /** What a person should know before it is started. */
  readonly notices?: readonly string[];
  /** Make the model's weights on the target from this seed. */
  readonly initWeights?: number;
  /** `DIFFUSIONPIPE_PYTHON`: stands in for "python3" on this machine. */
  readonly localPython?: string;
}

export interface Requirement {
  readonly name: string;
  readonly version: string;
}

/** Where a run is: enough to find it again after a restart. */
export interface RunPlace {
  readonly runId: string;
  readonly kind: Target["kind"];
  /** The target's folder, absolute or `~/…`. */
  readonly folder: string;
  readonly ssh?: { readonly host: string; readonly configFile?: string };
}

/** The dry run: plain JSON, holds everything that will be sent and run, and no secret. */
export interface LaunchDocument {
  readonly format: "diffusionpipe.launch/1";
  readonly place: RunPlace;
  readonly targetName?: string;
  /** The command that takes scripts on its standard input. */
  readonly connection: readonly string[];
  readonly interpreter: string;
  readonly notices: readonly string[];
  readonly worldSize: number;
  readonly pinCores: boolean;
  readonly requirements: readonly Requirement[];
  readonly prelude: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What the connection is given, in this order: with paths as arguments, and data after them where they read some. */
  readonly scripts: { readonly preflight: string; readonly presentTrees: string; readonly missingBlobs: string; readonly receiveBlobs: string; readonly linkTree: string; readonly start: string };
  /** Folders to be there; contents that the target has already are not sent again. */
  readonly trees: Trees;
  /** The run makes the weights of its own copy of the model from this seed first. */
  readonly initWeights?: number;
  /** Files of the run itself, whole: prelude.sh, what the command reads (e.g. program.json), run.sh. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string; readonly text: string }[];
}

/** "lost": its processes are gone and no exit code was recorded, e.g. after a restart of the machine. "gone": its folder was removed. */
export type RunState = "running" | "completed" | "failed" | "cancelled" | "lost" | "gone";

export interface RunStatus {
  readonly state: RunState;
  readonly exitCode?: number;
  /** Processes of the run that are there now. */
  readonly processes: number;
  /** Seconds since 1970, by the target's clock. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly progress?: Progress;
  readonly logBytes: number;
}

/** What the trainer last said. */
export interface Progress {
  readonly step?: number;
  readonly steps?: number;
  /** Of the last step whose loss is known; it may be one behind `step`. */
  readonly loss?: number;
  /** Why it failed, where the trainer could say. */
  readonly message?: string;
}

export interface Observation {
  readonly status: RunStatus;
  /** The log from the asked byte on, bounded; ask again from where it ends. */
  readonly log: Uint8Array;
}

export interface SyncReport {
  readonly sentFiles: number;
  readonly sentBytes: number;
  readonly presentFiles: number;
  readonly presentBytes: number;
}

export interface StartReport {
  readonly pid: number;
  /** Absolute on the target. */
  readonly folder: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onStep?: (text: string) => void;
}

/** A place that runs can be started in and observed. All calls throw UserError with what to do, Cancelled when the signal fired. */
export interface LaunchTarget {
  readonly label: string;
  /** Checks the target and sends the folders that it lacks. Nothing is started; a second call sends nothing. */
  stage(document: LaunchDocument, options?: CallOptions): Promise<SyncReport>;
  /** Starts a document whose folders are staged. */
  start(document: LaunchDocument, options?: CallOptions): Promise<StartReport>;
  observe(runId: string, fromByte: number, maxBytes: number, options?: CallOptions): Promise<Observation>;
  /** TERM, then KILL; resolves when every process of the run is verified to be gone. `killed`: how many did not end by themselves. */
  cancel(runId: string, options?: CallOptions): Promise<{ readonly killed: number }>;
  /** Goes on with a run that has ended early, from its last checkpoint. */
  resume(runId: string, options?: CallOptions): Promise<StartReport>;
  /** Brings the run's results, with `extra` files by name, into `into`, which is whole or not there afterwards. */
  fetch(runId: string, into: string, options?: CallOptions & { readonly extra?: Readonly<Record<string, Uint8Array>> }): Promise<{ readonly files: number; readonly bytes: number }>;
  close(): Promise<void>;
}

/** The target as a person knows it. */
export function targetLabel({ targetName, place }: Pick<LaunchDocument, "targetName" | "place">): string {
  return targetName ?? place.ssh?.host ?? "this machine";
}
