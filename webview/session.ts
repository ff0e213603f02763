/** What the view knows: the document as the host sent it, what follows from it, and a change being tried out. */
import type { Cluster } from "../src/model/cluster";
import type { Plan } from "../src/model/plan";
import type { Profile } from "../src/model/profile";
import type { Program } from "../src/model/program";
import type { Timeline } from "../src/model/timeline";
import { contextFor } from "../src/plan/overrides";
import { predictPlan } from "../src/plan/predict";
import type { Standing } from "../src/protocol/judging";
import type { BaselineFigures, HostMessage, HostNews, Problem } from "../src/protocol/messages";
import { problemOf } from "../src/protocol/problems";
import type { Context } from "../src/simulate/context";
import { alignMeasured, type Aligned } from "../src/timeline/layout/align";
import { alignOther } from "../src/timeline/layout/alignOther";
import type { ShownIterations } from "../src/timeline/layout/iterations";
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
  /** What the plan compiles into. */
  readonly program: Program;
  readonly predicted: Timeline;
  readonly strip: Strip;
  /** Predicted first, then what it is compared with, then measured where there is a run. */
  readonly layouts: readonly Layout[];
  readonly other?: OtherTimeline;
  readonly measured?: Aligned & { readonly name: string };
}

/** The prediction of another plan, on the time axis of the document's. */
export interface OtherTimeline {
  readonly name: string;
  readonly timeline: Timeline;
}

export interface Snapshot {
  /** The document's picture, or the last good one while `problem` is there. */
  readonly picture?: Picture;
  /** The picture of a change that is not in the document yet. */
  readonly preview?: Picture;
  readonly problem?: { readonly kind: "empty" | "text" | "inputs"; readonly problem: Problem };
  /** Undefined until the host has them for the picture's version. */
  readonly baselines?: { readonly list: readonly BaselineFigures[]; readonly failed?: string };
  /** The same for what else the plan is held against. */
  readonly standing?: Standing;
  /** Ms; the lower bound of the preview, once the host has worked it out. */
  readonly previewBoundMs?: number;
}

export class Session {
  private inputs?: { readonly profile: Profile; readonly cluster: Cluster };
  /** What plans that decide the same about costs are simulated with. */
  private known?: { readonly key: string; readonly context: Context };
  private document?: Extract<HostMessage, { type: "plan" }>;
  private run?: { readonly name: string; readonly timeline: Timeline };
  private other?: OtherTimeline;
  private snapshot: Snapshot = {};
  private iterations: ShownIterations = 2;

  constructor(private readonly changed: (snapshot: Snapshot) => void) {}

  get current(): Snapshot {
    return this.snapshot;
  }

  receive(message: Exclude<HostNews, { type: "search" | "draw" }>): void {
    switch (message.type) {
      case "inputs":
        this.document = undefined;
        this.inputs = message;
        this.known = undefined;
        return;
      case "plan":
        this.document = message;
        return this.redraw();
      case "problem":
        this.document = undefined;
        return this.show({ picture: this.snapshot.picture, problem: { kind: message.kind, problem: message.problem } });
      case "baselines":
        if (message.version === this.document?.version) this.show({ ...this.snapshot, baselines: { list: message.baselines, failed: message.failed } });
        return;
      case "standing":
        if (message.version === this.document?.version) this.show({ ...this.snapshot, standing: message.standing });
        return;
      case "measured":
        this.run = message.timeline ? { name: message.name, timeline: message.timeline } : undefined;
        return this.redraw();
    }
  }

  /** Shows `plan` as if it were the document's, until the document changes or `undefined` takes it back. @throws UserError where it cannot be. */
  preview(plan: Plan | undefined): void {
    const { preview: _, previewBoundMs: __, ...committed } = this.snapshot;
    this.show(plan && this.document ? { ...committed, preview: this.pictureOf({ ...this.document, plan }) } : committed);
  }

  /** How many iterations predictions show from now on. */
  showIterations(iterations: ShownIterations): void {
    if (iterations === this.iterations) return;
    this.iterations = iterations;
    this.redraw();
  }

  /** The bound of a change that is tried, unless another one is by now. */
  boundPreview(preview: Picture, previewBoundMs: number): void {
    if (this.snapshot.preview === preview) this.show({ ...this.snapshot, previewBoundMs });
  }

  /** Lays another prediction beside the document's; undefined takes it away. */
  compareWith(other: OtherTimeline | undefined): void {
    this.other = other;
    this.redraw();
  }

  private redraw(): void {
    const document = this.document;
    if (!document) return;
    const before = this.snapshot;
    this.attempt(() => {
      const same = before.picture?.version === document.version && !before.problem;
      this.show({ picture: this.pictureOf(document), ...(same && { baselines: before.baselines, standing: before.standing }) });
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
    const context = this.contextOf(plan);
    const { program, timeline: predicted } = predictPlan(plan, context, undefined, this.iterations);
    const aligned = this.run && alignMeasured(predicted, this.run.timeline);
    const other = this.other && { name: this.other.name, timeline: alignOther(predicted, this.other.timeline) };
    return {
      version, name, readOnly, notices, plan, context, program, predicted,
      strip: layoutStrip(plan, context.workload, context.costs),
      layouts: [{ ...layoutTimeline(predicted), ...(other && { name: "this plan" }) }, ...(other ? [{ ...layoutTimeline(other.timeline), name: other.name }] : []), ...(aligned ? [layoutTimeline(aligned.timeline)] : [])],
      ...(other && { other }),
      ...(aligned && this.run && { measured: { ...aligned, name: this.run.name } }),
    };
  }

  private contextOf(plan: Plan): Context {
    if (!this.inputs) throw new Error("The view got a plan before what it is simulated with.");
    const key = JSON.stringify([plan.selfConditioning, plan.frozenPrecision]);
    if (this.known?.key !== key) this.known = { key, context: contextFor(plan, this.inputs.profile, this.inputs.cluster) };
    return this.known.context;
  }

  private show(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.changed(snapshot);
  }
}
