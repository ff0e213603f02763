/** Time that is taken: stretches which overlap become one, so that a moment is looked up quickly. */
import { bisector } from "d3";

interface Stretch {
  readonly startUs: number;
  readonly endUs: number;
}

const byStart = bisector(({ startUs }: Stretch) => startUs);

export class Stretches {
  private readonly merged: readonly Stretch[];

  constructor(stretches: readonly Stretch[]) {
    const merged: { startUs: number; endUs: number }[] = [];
    for (const { startUs, endUs } of [...stretches].sort((a, b) => a.startUs - b.startUs)) {
      const last = merged[merged.length - 1];
      if (last && startUs <= last.endUs) last.endUs = Math.max(last.endUs, endUs);
      else merged.push({ startUs, endUs });
    }
    this.merged = merged;
  }

  /** Whether a stretch, or a moment that begins and ends at once, has time in common with them. */
  touch({ startUs, endUs }: Stretch): boolean {
    const before = this.merged[byStart.right(this.merged, endUs) - 1];
    return before !== undefined && before.endUs > startUs;
  }
}
