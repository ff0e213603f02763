/** The critical path over the lanes: its operations outlined and joined by a line, all others dimmed. */
import { placesOf } from "../../src/timeline/layout/places";
import type { Brush } from "../canvas/boxes";
import { paintSlice, type Scene } from "../canvas/painter";

const dimming = 0.65;
/** Narrower slices have no room for an outline. */
const leastOutlined = 4;
/** How far down its slices the line runs, as a share of their height: below their labels. */
const lineDepth = 0.84;

export function paintCriticalPath(brush: Brush, scene: Scene): void {
  const { context, theme } = brush;
  context.globalAlpha = dimming;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, scene.width, scene.height);
  context.globalAlpha = 1;
  for (let layout = 0; layout < scene.layouts.length; layout++) paintPath(brush, scene, layout);
}

function paintPath(brush: Brush, scene: Scene, layout: number): void {
  const { context, theme } = brush;
  const { timeline } = scene.layouts[layout];
  const find = placesOf(scene.placement);
  const line = new Path2D();
  let last: readonly [number, number] | undefined;
  const through = (x: number, y: number) => {
    if (!last) line.moveTo(x, y);
    // Points that share a pixel are one.
    else if (Math.abs(x - last[0]) < 1 && Math.abs(y - last[1]) < 1) return;
    else line.lineTo(x, y);
    last = [x, y];
  };
  for (const index of timeline.criticalPath) {
    const place = find(layout, index);
    if (!place) continue;
    const placed = scene.placement.lanes[place.lane];
    const { startMs, endMs } = timeline.operations[index];
    const [left, right] = [scene.x(startMs), scene.x(endMs)];
    const top = placed.y + place.row * placed.rowHeight - scene.scrollTop;
    const depth = top + lineDepth * placed.rowHeight;
    through(clipped(left, scene.width), depth);
    through(clipped(right, scene.width), depth);
    if (right < 0 || left > scene.width || top + placed.rowHeight < 0 || top > scene.height) continue;
    paintSlice(brush, scene, place);
    if (right - left < leastOutlined) continue;
    context.strokeStyle = theme.foreground;
    context.lineWidth = 2;
    context.strokeRect(left, top + 1, right - left - 1, placed.rowHeight - 2);
  }
  context.lineJoin = "round";
  for (const [colour, width] of [[theme.background, 4], [theme.foreground, 1.5]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke(line);
  }
}

function clipped(x: number, width: number): number {
  return Math.max(-40, Math.min(width + 40, x));
}
