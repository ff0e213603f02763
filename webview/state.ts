/** What of the view outlives its page: kept with `setState`, checked when it comes back. */
import type { Domain } from "./input/zoom";
import { restoredLanes, type LaneState } from "./laneState";
import { restoredOverlays, type OverlayState } from "./overlays/state";

export interface ViewState extends OverlayState {
  readonly domain?: Domain;
  /** Which operation is selected, as `operationKey` names it. */
  readonly selected?: string;
  readonly showMeasured: boolean;
  readonly lanes: LaneState;
  /** What is searched for; undefined while the search is closed. */
  readonly search?: string;
}

export function restoredState(value: unknown): ViewState {
  const { domain, selected, showMeasured, lanes, search } = (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const isDomain = Array.isArray(domain) && domain.length === 2 && domain.every((ms) => Number.isFinite(ms)) && domain[0] < domain[1];
  return {
    ...(isDomain && { domain: [domain[0], domain[1]] }),
    ...(typeof selected === "string" && { selected }),
    showMeasured: showMeasured !== false,
    lanes: restoredLanes(lanes),
    ...restoredOverlays(value),
    ...(typeof search === "string" && { search }),
  };
}
