/** Pictures asked of a view: none is asked for before the view shows the plan, and each is answered, refused, or given up. */
import { UserError } from "../model/errors";
import type { ViewMessage } from "../protocol/messages";
import { isPng } from "../protocol/pictures";

/** A view that has not drawn by then will not. Its page may have to start first, which takes long where the machine or the way to it is slow. */
const patienceMs = 60_000;

interface Wish {
  readonly resolve: (png: Uint8Array) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class Drawings {
  private next = 1;
  private isShown = false;
  private problem?: Error;
  private readonly open = new Map<number, Wish>();

  /** @param ask Tells the view to draw. */
  constructor(private readonly ask: (id: number) => void) {}

  /** @returns A PNG. @throws UserError where the view has nothing to draw, or does not answer. */
  draw(): Promise<Uint8Array> {
    if (this.problem) return Promise.reject(this.problem);
    const id = this.next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id, ({ reject: refuse }) => refuse(this.tooLate())), patienceMs);
      this.open.set(id, { resolve, reject, timer });
      if (this.isShown) this.ask(id);
    });
  }

  /** The view has been given the plan. */
  shown(): void {
    this.problem = undefined;
    if (this.isShown) return;
    this.isShown = true;
    for (const id of this.open.keys()) this.ask(id);
  }

  /** There is no picture of the plan as it is now, until one is shown again. */
  failed(error: Error): void {
    this.problem = error;
    this.refuse(error);
  }

  /** The page is new and shows nothing yet; what was asked of the old one is asked again. */
  reloaded(): void {
    this.isShown = false;
  }

  answered({ id, png, error }: Extract<ViewMessage, { type: "drawn" }>): void {
    this.settle(id, ({ resolve, reject }) => {
      const bytes = Buffer.from(png ?? "", "base64");
      if (error !== undefined) reject(new UserError(error));
      else if (isPng(bytes)) resolve(bytes);
      else reject(new Error("The timeline view answered with something that is not a PNG."));
    });
  }

  dispose(): void {
    this.refuse(new UserError("The timeline was closed before it was drawn."));
  }

  /** Which of the two the view did not come to. */
  private tooLate(): UserError {
    return new UserError(`The timeline has not been ${this.isShown ? "drawn" : "opened"} in time.`, { hint: "Open the plan in front and try again, or export as SVG." });
  }

  private refuse(error: Error): void {
    for (const id of [...this.open.keys()]) this.settle(id, ({ reject }) => reject(error));
  }

  private settle(id: number, finish: (wish: Wish) => void): void {
    const wish = this.open.get(id);
    if (!wish) return;
    clearTimeout(wish.timer);
    this.open.delete(id);
    finish(wish);
  }
}
