/** Items by time, of equal times the smallest item first (a binary heap). */
export class Queue {
  private readonly times: number[] = [];
  private readonly items: number[] = [];

  get isEmpty(): boolean {
    return this.items.length === 0;
  }

  /** The first item's time; the queue must not be empty. */
  get firstTime(): number {
    return this.times[0];
  }

  push(time: number, item: number): void {
    let at = this.items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.isLater(parent, time, item)) break;
      this.put(at, this.times[parent], this.items[parent]);
      at = parent;
    }
    this.put(at, time, item);
  }

  /** Takes the first item away; the queue must not be empty. */
  pop(): number {
    const [first] = this.items;
    const time = this.times.pop() ?? 0;
    const item = this.items.pop() ?? 0;
    const count = this.items.length;
    if (count > 0) {
      let at = 0;
      for (let child = 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && this.isLater(child, this.times[child + 1], this.items[child + 1])) child++;
        if (!this.isEarlier(child, time, item)) break;
        this.put(at, this.times[child], this.items[child]);
        at = child;
      }
      this.put(at, time, item);
    }
    return first;
  }

  private put(at: number, time: number, item: number): void {
    this.times[at] = time;
    this.items[at] = item;
  }

  private isLater(at: number, time: number, item: number): boolean {
    return this.times[at] > time || (this.times[at] === time && this.items[at] > item);
  }

  private isEarlier(at: number, time: number, item: number): boolean {
    return this.times[at] < time || (this.times[at] === time && this.items[at] < item);
  }
}
