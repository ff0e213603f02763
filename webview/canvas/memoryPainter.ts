/** Draws a device's memory over time under its limit. */
import { formatBytes } from "../../src/timeline/layout/format";
import { memoryColumns, type MemoryCurve } from "../../src/timeline/layout/memory";
import type { Brush } from "./boxes";
import type { Scene } from "./painter";

/** Room above the highest line, as a share of it. */
const headroom = 0.12;
/** Curves below this share of the limit would be flat: they are drawn as if their peak were there, and the limit is not to scale. */
const flatShare = 0.6;
const labelSize = 10;

/** The curve as a filled area from zero, the limit as a dashed line with its name; what is over it is crossed and named as well. */
export function paintMemory(brush: Brush, curve: MemoryCurve, scene: Pick<Scene, "x" | "width">, { top, height }: { readonly top: number; readonly height: number }): void {
  const { context, theme, patterns } = brush;
  const { limitBytes = 0, peakBytes } = curve;
  const from = scene.x.invert(0);
  const to = scene.x.invert(scene.width);
  const isToScale = peakBytes >= limitBytes * flatShare;
  const most = (isToScale ? Math.max(limitBytes, peakBytes) : peakBytes / flatShare) * (1 + headroom) || 1;
  const yOf = (bytes: number) => top + height * (1 - bytes / most);
  const bottom = top + height;
  const boxes = memoryColumns(curve, from, to, (to - from) / scene.width).map(({ startMs, endMs, bytes }) => {
    // Whole pixels, so that a column narrower than one is as clear as any.
    const left = Math.floor(scene.x(Math.max(startMs, from)));
    return { left, width: Math.max(1, Math.floor(scene.x(Math.min(endMs, to))) - left), bytes };
  });
  context.fillStyle = theme.neutral.fill;
  for (const { left, width, bytes } of boxes) context.fillRect(left, yOf(bytes), width, bottom - yOf(bytes));
  context.fillStyle = theme.border;
  context.fillRect(0, bottom - 1, scene.width, 1);
  if (!limitBytes) return;
  const limitY = isToScale ? yOf(limitBytes) : yOf(peakBytes / flatShare);
  for (const fill of [theme.error.fill, patterns("cross", theme.error.line)]) {
    if (!fill) continue;
    context.fillStyle = fill;
    for (const { left, width, bytes } of boxes) if (bytes > limitBytes) context.fillRect(left, yOf(bytes), width, limitY - yOf(bytes));
  }
  context.strokeStyle = theme.foreground;
  context.lineWidth = 1;
  context.setLineDash([5, 3]);
  context.beginPath();
  context.moveTo(0, Math.round(limitY) + 0.5);
  context.lineTo(scene.width, Math.round(limitY) + 0.5);
  context.stroke();
  context.setLineDash([]);
  const note = peakBytes > limitBytes ? `, peak ${formatBytes(peakBytes - limitBytes)} over it` : isToScale ? "" : ", not to scale";
  paintName(brush, `${peakBytes > limitBytes ? "⚠ " : ""}limit ${formatBytes(limitBytes)}${note}`, scene.width - 4, limitY + 2);
}

/** Below the right end of the line, on a ground of its own. */
function paintName({ context, theme }: Brush, name: string, right: number, top: number): void {
  context.font = `${labelSize}px ${theme.font}`;
  const { width } = context.measureText(name);
  context.fillStyle = theme.background;
  context.globalAlpha = 0.85;
  context.beginPath();
  context.roundRect(right - width - 4, top, width + 8, labelSize + 3, 3);
  context.fill();
  context.globalAlpha = 1;
  context.fillStyle = theme.foreground;
  context.textAlign = "right";
  context.fillText(name, right, top + labelSize / 2 + 2);
  context.textAlign = "center";
}
