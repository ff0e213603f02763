/** What a turn of the wheel or a move on the touchpad asks for. */

/** The parts of a `WheelEvent` that matter. */
export interface Wheel {
  readonly deltaX: number;
  readonly deltaY: number;
  /** 0 pixels, 1 lines, 2 pages, as in `WheelEvent`. */
  readonly deltaMode: number;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
}

export type WheelIntent =
  /** About the pointer, by a power of two. */
  | { readonly kind: "zoom"; readonly power: number }
  /** By pixels; positive looks at later times. */
  | { readonly kind: "pan"; readonly pixels: number }
  /** The lanes' own scrolling. */
  | { readonly kind: "scroll" };

const pixelsPerLine = 16;
/** Steps below this are those of a pinch, which follows the fingers; a notch of a wheel is coarser and zooms by about a quarter. */
const notchPixels = 40;
/** Browsers make a line of a zooming wheel worth more than one that scrolls. */
const pixelsPerZoomLine = 33;

/**
 * Ctrl, Cmd and pinches (which come as Ctrl) zoom; Shift and sideways movement pan; the rest scrolls the lanes while they
 * overflow, and pans when all are in view.
 * @param page Pixels that a turn by pages moves.
 */
export function wheelIntent(wheel: Wheel, lanesOverflow: boolean, page: number): WheelIntent {
  const { deltaX, deltaY, deltaMode, ctrlKey, metaKey, shiftKey } = wheel;
  if (ctrlKey || metaKey) return { kind: "zoom", power: zoomPower(wheel, page) };
  const sideways = shiftKey || Math.abs(deltaX) > Math.abs(deltaY);
  if (!sideways && lanesOverflow) return { kind: "scroll" };
  // With Shift, some systems report the turn as sideways already.
  const delta = Math.abs(deltaX) > Math.abs(deltaY) ? deltaX : deltaY;
  return { kind: "pan", pixels: delta * unit(deltaMode, pixelsPerLine, page) };
}

function zoomPower({ deltaX, deltaY, deltaMode }: Wheel, page: number): number {
  const pixels = -(deltaY || deltaX) * unit(deltaMode, pixelsPerZoomLine, page);
  return pixels * (Math.abs(pixels) < notchPixels ? 0.012 : 0.0035);
}

function unit(deltaMode: number, line: number, page: number): number {
  return deltaMode === 1 ? line : deltaMode === 2 ? page : 1;
}
