/** What happened or will happen, operation by operation. File form: `NAME.timeline.json`. Times in ms from a common zero. */
import type { Channel, OperationName } from "./program";
import type { Range } from "./plan";
import type { TimeSource } from "./profile";

export interface TimelineOperation {
  readonly device: number;
  readonly stream: "compute" | "communication";
  readonly op: OperationName;
  /** The iteration it serves, absolute; of a FILL the one that will use its encodings. */
  readonly iteration: number;
  readonly chain?: string;
  readonly component?: string;
  readonly stage?: number;
  readonly microbatch?: number;
  readonly layers?: Range;
  readonly samples?: Range;
  readonly channel?: Channel;
  /** Which end of a REDISTRIBUTE this is. */
  readonly direction?: "send" | "receive";
  readonly startMs: number;
  readonly endMs: number;
  /** Indices into `operations` of what it waited for. */
  readonly deps: readonly number[];
  readonly bytes?: number;
  readonly peer?: number;
  readonly source?: TimeSource;
}

export interface TimelineDevice {
  readonly name: string;
  readonly peakMemoryBytes: number;
  /** [ms, bytes] steps. */
  readonly memory?: readonly (readonly [number, number])[];
}

export interface Timeline {
  readonly format: "diffusionpipe.timeline/1";
  readonly source: "predicted" | "measured";
  readonly periodMs: number;
  /**
   * Where some iterations make self-conditioning passes: the mean period over all. `operations` and the other figures are those
   * of iterations with the extra passes.
   */
  readonly expectedPeriodMs?: number;
  readonly makespanMs: number;
  readonly bubbleRatio: number;
  /** Share of device time that is not work at its best: idle time and batches that are slower than need be. */
  readonly waste?: number;
  readonly throughputPerSecond: number;
  readonly clockSkewMs?: number;
  readonly criticalPath: readonly number[];
  readonly devices: readonly TimelineDevice[];
  readonly operations: readonly TimelineOperation[];
}
