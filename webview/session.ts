/** What the view knows: the document as the host sent it, what follows from it, and a change being tried out. */
import type { Plan } from "../src/model/plan";
import type { Timeline } from "../src/model/timeline";
import { predictPlan } from "../src/plan/predict";
import type { BaselineFigures, HostMessage, Problem } from "../src/protocol/messages";
import { problemOf } from "../src/protocol/problems";
import { contextOf, type Context } from "../src/simulate/context";
import { alignMeasured, type Aligned } from "../src/timeline/layout/align";
import { layoutTimeline, type Layout } from "../src/timeline/layout/lanes";
import { layoutStrip, type Strip } from "../src/timeline/layout/strip";

/** A plan and all that is drawn of it. */
export interface Picture {
  readonly version: number;
  readonly name: string;
  readonly readOnly: boolean;
  readonly notices: readonly string[];
  readonly plan: Plan;
  /** What it was simulated with. */
  readonly context: Context;
  readonly predicted: Timeline;
  readonly strip: Strip;
  /** Predicted first, then measured where there is a run. */
  readonly layouts: readonly Layout[];
  readonly measured?: Aligned & { readonly name: string };
}

export interface Snapshot {
  /** The document's picture, or the last good one while `problem` is there. */
  readonly picture?: Picture;
  /** The picture of a change that is not in the document yet. */
  readonly preview?: Picture;
  readonly problem?: { readonly kind: "empty" | "text" | "inputs"; readonly problem: Problem };
  /** Undefined until the host has them for the picture's version. */
  readonly baselines?: { readonly list: readonly BaselineFigures[]; readonly failed?: string };
}

export class Session {
  private context?: Context;
  private document?: Extract<HostMessage, { type: "plan" }>;
  private run?: { readonly name: string; readonly timeline: Timeline };
  private snapshot: Snapshot = {};

  constructor(private readonly changed: (snapshot: Snapshot) => void) {}

  get current(): Snapshot {
    return this.snapshot;
  }

  receive(message: Exclude<HostMessage, { type: "reply" | "draw" }>): void {
    switch (message.type) {
      case "inputs":
        this.document = undefined;
        return this.attempt(() => {
          this.context = contextOf(message.profile, message.cluster);
        });
      case "plan":
        this.document = message;
        return this.redraw();
      case "problem":
        this.document = undefined;
        return this.show({ picture: this.snapshot.picture, problem: { kind: message.kind, problem: message.problem } });
      case "baselines":
        if (message.version === this.document?.version) this.show({ ...this.snapshot, baselines: { list: message.baselines, failed: message.failed } });
        return;
      case "measured":
        this.run = message.timeline ? { name: message.name, timeline: message.timeline } : undefined;
        return this.redraw();
    }
  }

  /** Shows `plan` as if it were the document's, until the document changes or `undefined` takes it back. @throws UserError where it cannot be. */
  preview(plan: Plan | undefined): void {
    const { preview: _, ...committed } = this.snapshot;
    this.show(plan && this.document ? { ...committed, preview: this.pictureOf({ ...this.document, plan }) } : committed);
  }

  private redraw(): void {
    const document = this.document;
    if (!document) return;
    const before = this.snapshot;
    this.attempt(() => {
      const same = before.picture?.version === document.version && !before.problem;
      this.show({ picture: this.pictureOf(document), ...(same && { baselines: before.baselines }) });
    });
  }

  private attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.show({ picture: this.snapshot.picture, problem: { kind: "text", problem: problemOf(error) } });
    }
  }

  private pictureOf({ plan, version, name, readOnly, notices }: Extract<HostMessage, { type: "plan" }>): Picture {
    const { context } = this;
    if (!context) throw new Error("The view got a plan before what it is simulated with.");
    const predicted = predictPlan(plan, context).timeline;
    const aligned = this.run && alignMeasured(predicted, this.run.timeline);
    return {
      version, name, readOnly, notices, plan, context, predicted,
      strip: layoutStrip(plan, context.workload, context.costs),
      layouts: [layoutTimeline(predicted), ...(aligned ? [layoutTimeline(aligned.timeline)] : [])],
      ...(aligned && this.run && { measured: { ...aligned, name: this.run.name } }),
    };
  }

  private show(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.changed(snapshot);
  }
}
