/** Where on a device frozen work can stand: before one of its passes, or behind them all. */
import { anchorOps, type FillAnchor } from "../../model/plan";
import type { Timeline, TimelineOperation } from "../../model/timeline";

/** A place and the time, in ms, at which what it stands before starts. */
export interface FillPlace {
  readonly anchor: FillAnchor;
  readonly atMs: number;
}

/** Of each iteration shown, in the order of time. Several operations of the optimizer are one place. */
export function placesOn(timeline: Timeline, device: number): readonly FillPlace[] {
  const places: FillPlace[] = [];
  const own = timeline.operations.filter((operation) => operation.device === device && operation.stream === "compute").sort((a, b) => a.startMs - b.startMs);
  for (const operation of own) {
    const anchor = anchorOf(operation);
    if (!anchor) continue;
    const last = places[places.length - 1];
    if (anchor.op !== "OPTIM" || last?.anchor.op !== "OPTIM") places.push({ anchor, atMs: operation.startMs });
  }
  return places;
}

/** Activations are computed again for the pass that follows, and the norm belongs to the optimizer. */
function anchorOf({ op, chain, stage, microbatch }: TimelineOperation): FillAnchor | undefined {
  if (op === "OPTIM" || op === "GRAD_NORM") return { op: "OPTIM" };
  const pass = anchorOps.find((known) => known === op);
  return pass && { op: pass, chain, stage, microbatch };
}

/** The place that something let go at a time comes to: before the next pass to start, or the very first one. */
export function placeAt(timeline: Timeline, device: number, ms: number): FillPlace | undefined {
  const places = placesOn(timeline, device);
  return places.find(({ atMs }) => atMs >= ms) ?? places.find(({ anchor }) => anchor.op !== "OPTIM") ?? places[0];
}

/** "before F3 of stage 1", "after the last pass". */
export function placeText({ op, stage, microbatch }: FillAnchor): string {
  return op === "OPTIM" ? "after the last pass" : `before ${op}${microbatch ?? ""} of stage ${stage ?? 0}`;
}
