/** Every change of the period is said: what the eye sees in the header's first figure. */
import { formatChange, formatMs } from "../../src/timeline/layout/format";

export class PeriodVoice {
  private last?: number;

  constructor(private readonly say: (text: string) => void) {}

  /** The period now shown, in ms. The first one is nothing new. */
  heard(periodMs: number): void {
    const before = this.last;
    this.last = periodMs;
    if (before === undefined || formatMs(before) === formatMs(periodMs)) return;
    this.say(`Period ${formatMs(periodMs)}${before > 0 ? `, ${formatChange(periodMs / before - 1)}` : ""}`);
  }
}
