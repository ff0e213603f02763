/** Looks at the runs: once at the start, and again and again while one goes on, whether or not its tree is open. */
import type { RunEntry } from "../app/runs";
import { isActive } from "./runsTree";

/** While a run goes on its target is asked this often. */
const pollMs = 5_000;

export interface RunWatchEvents {
  readonly onChange: (entries: readonly RunEntry[]) => void;
  /** A run has ended that went on, or was not there, at the look before. */
  readonly onEnded: (entry: RunEntry) => void;
  readonly onError: (error: unknown) => void;
}

export class RunWatch {
  private seen?: ReadonlyMap<string, boolean>;
  private latest: Promise<readonly RunEntry[]>;
  private timer?: NodeJS.Timeout;
  private disposed = false;

  /** @param list Asks the targets of the runs that have not ended. */
  constructor(private readonly list: () => Promise<readonly RunEntry[]>, private readonly events: RunWatchEvents) {
    this.latest = this.look();
  }

  /** As last seen. */
  entries(): Promise<readonly RunEntry[]> {
    return this.latest;
  }

  /** Looks again, after a look that is under way. */
  refresh(): void {
    this.latest = this.latest.then(() => this.look());
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
  }

  private async look(): Promise<readonly RunEntry[]> {
    clearTimeout(this.timer);
    let entries: readonly RunEntry[] = [];
    try {
      entries = await this.list();
    } catch (error) {
      this.events.onError(error);
    }
    if (this.disposed) return entries;
    const before = this.seen;
    this.seen = new Map(entries.map((entry) => [entry.record.id, isActive(entry)]));
    this.events.onChange(entries);
    if (before) for (const entry of entries) if (!isActive(entry) && before.get(entry.record.id) !== false) this.events.onEnded(entry);
    clearTimeout(this.timer);
    if (entries.some(isActive)) this.timer = setTimeout(() => this.refresh(), pollMs);
    return entries;
  }
}
