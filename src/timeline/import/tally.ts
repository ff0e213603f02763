/** What a trace holds and a timeline cannot: names, how often they are there, how long they took. */

export interface NotPlaced {
  readonly name: string;
  readonly count: number;
  readonly ms: number;
}

const longestName = 100;

export class Tally {
  private readonly found = new Map<string, { count: number; us: number }>();

  add(name: string, us: number): void {
    const key = name.length > longestName ? `${name.slice(0, longestName - 1)}…` : name;
    const entry = this.found.get(key);
    if (entry) {
      entry.count++;
      entry.us += us;
    } else this.found.set(key, { count: 1, us });
  }

  /** The longest first. */
  get list(): readonly NotPlaced[] {
    return [...this.found].map(([name, { count, us }]) => ({ name, count, ms: us / 1000 })).sort((a, b) => b.ms - a.ms || b.count - a.count);
  }
}
