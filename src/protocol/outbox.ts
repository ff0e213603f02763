/** Posts to a view are kept until it says that it listens. */
export class Outbox<M> {
  private waiting: M[] | undefined = [];

  constructor(private readonly deliver: (message: M) => void) {}

  post(message: M): void {
    if (this.waiting) this.waiting.push(message);
    else this.deliver(message);
  }

  /** Delivers what waited, in order, and from now on at once. */
  open(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    waiting.forEach((message) => this.deliver(message));
  }

  /** The view went away or is being loaded anew: what is posted now waits for its next "ready". */
  close(): void {
    this.waiting ??= [];
  }
}
