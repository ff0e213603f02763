/** Something that is done often, but not more often than it can be read. */

export class Paced {
  private timer?: ReturnType<typeof setTimeout>;
  private lastMs = -Infinity;

  /** @param leastMs From one time to the next when it is done `soon`. */
  constructor(private readonly action: () => void, private readonly leastMs: number) {}

  /** At once where the last time is long enough ago, else as soon as it is. */
  soon(): void {
    if (this.timer !== undefined) return;
    const waitMs = this.lastMs + this.leastMs - performance.now();
    if (waitMs <= 0) this.now();
    else this.timer = setTimeout(() => this.now(), waitMs);
  }

  now(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.lastMs = performance.now();
    this.action();
  }
}
