/** What a search found stands out: the rest of the lanes lies under a veil, and each slice found has a frame. */
import type { PlacedLane } from "../../src/timeline/layout/geometry";
import type { Found } from "../../src/timeline/layout/search";
import type { Scene } from "./painter";
import type { Theme } from "./theme";

const veil = 0.74;
/** A frame takes pixels from its slice: narrower ones have none. */
const narrowestFrame = 5;

/** Over a scene that was painted, with the search's slices of the same placement. */
export function paintSpotlight(context: CanvasRenderingContext2D, theme: Theme, scene: Scene, { rows }: Found): void {
  for (const [l, placed] of scene.placement.lanes.entries()) {
    const top = placed.y - scene.scrollTop;
    if (top + placed.height < 0 || top > scene.height) continue;
    placed.lane.rows.forEach((_, r) => paintRow(context, theme, scene, placed, r, rows[l]?.[r] ?? [], top + r * placed.rowHeight));
  }
}

function paintRow(context: CanvasRenderingContext2D, theme: Theme, scene: Scene, placed: PlacedLane, row: number, found: readonly number[], y: number): void {
  const slices = placed.lane.rows[row];
  const frames: (readonly [number, number])[] = [];
  context.fillStyle = theme.background;
  context.globalAlpha = veil;
  let dark = 0;
  const cover = (until: number) => {
    if (until - dark > 0.5) context.fillRect(dark, y, until - dark, placed.rowHeight);
  };
  for (const index of found) {
    const left = scene.x(slices[index].startMs);
    const right = Math.max(scene.x(slices[index].endMs), left + 1);
    if (right < 0) continue;
    if (left > scene.width) break;
    cover(left);
    dark = Math.max(dark, right);
    if (right - left >= narrowestFrame) frames.push([left, right]);
  }
  cover(scene.width);
  context.globalAlpha = 1;
  context.strokeStyle = theme.foreground;
  context.lineWidth = 1.5;
  for (const [left, right] of frames) context.strokeRect(left + 0.75, y + 0.75, right - left - 2.5, placed.rowHeight - 1.5);
}
