/** The lower bound of a change while it is tried: one question at a time, since a pointer moves faster than the host answers. */
import type { Host } from "../host";
import type { Picture } from "../session";

export class PreviewBound {
  private wanted?: Picture;
  private isAsking = false;

  /** @param found Gets the bound of a picture, ms. */
  constructor(private readonly ask: Host["ask"], private readonly found: (preview: Picture, boundMs: number) => void) {}

  /** The change that is tried now, if any. */
  show(preview: Picture | undefined): void {
    if (preview === this.wanted) return;
    this.wanted = preview;
    if (!this.isAsking) void this.follow();
  }

  private async follow(): Promise<void> {
    this.isAsking = true;
    for (let preview = this.wanted; preview; ) {
      const about: Picture = preview;
      // A change that has no bound shows none.
      const answer = await this.ask({ kind: "bound", plan: about.plan }).catch(() => undefined);
      if (answer) this.found(about, answer.boundMs);
      preview = this.wanted === about ? undefined : this.wanted;
    }
    this.isAsking = false;
  }
}
