/** How a fill report is printed. */
import type { FillReport } from "../../plan/fillReport";

/** A line, or nothing where there is no frozen work. */
export function fillText({ share, devices, partialFills }: FillReport): string {
  if (devices.every(({ frozenMs }) => frozenMs === 0)) return "";
  const percent = (part: number) => `${(100 * part).toFixed(0)} %`;
  // Many devices would make a long line; few are shown each.
  const each = devices.length <= 8 ? ` (${devices.map(({ frozenMs, hiddenMs }, rank) => `rank ${rank}: ${frozenMs > 0 ? `${percent(hiddenMs / frozenMs)} of ${frozenMs.toFixed(1)} ms` : "none"}`).join(", ")})` : "";
  return `frozen work in bubbles: ${percent(share)}${each}; ${partialFills} partial-batch fills\n`;
}
