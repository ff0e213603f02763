/** The ranked table of a search, as points and as a list that go together, with the details of the chosen row. */
import type { AlternativeFigures, AnswerTo } from "../../src/protocol/judging";
import { formatBytes, formatChange, formatMs, formatPercent, formatThroughput } from "../../src/timeline/layout/format";
import { meanPeriodMs, peakBytesOf } from "../../src/timeline/layout/wholeFigures";
import { element, setAttribute } from "../dom";
import type { Picture } from "../session";
import { button } from "../ui";
import { Scatter, scatterLegend } from "./scatter";

export interface AlternativesEvents {
  /** Puts the row's plan in place of the document's. */
  use(row: number): void;
  compare(row: number): void;
}

/** Rows that PageUp and PageDown step over. */
const page = 8;

export class AlternativesPanel {
  private readonly scatter = new Scatter((row) => this.select(row, true));
  private readonly list = element("div", { class: "ranking", role: "listbox", tabindex: 0, "aria-label": "Plans by rank, the fastest first: schedule, stages × replicas, micro-batches, period, peak memory" });
  private readonly details = element("div", { class: "ranking-details", "aria-live": "polite" });
  private answer?: AnswerTo<"alternatives">;
  private picture?: Picture;
  private isReadOnly = false;
  private selected = 0;

  constructor(private readonly events: AlternativesEvents) {
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => {
      const option = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      if (option) this.select([...this.list.children].indexOf(option), false);
    });
  }

  show(answer: AnswerTo<"alternatives">, picture: Picture): HTMLElement {
    this.answer = answer;
    this.picture = picture;
    this.isReadOnly = picture.readOnly;
    this.selected = 0;
    const { rows } = answer;
    this.list.replaceChildren(...rows.map((row, index) => element("div", { role: "option", id: `ranked-${index}`, class: "ranked" },
      element("span", { class: "rank" }, `${index + 1}`), element("span", { class: "ranked-kind" }, shortKindOf(row)), element("span", { class: "ranked-figures" }, `${formatMs(row.periodMs)} · ${formatBytes(row.peakMemoryBytes)}`))));
    this.select(0, false);
    return element("div", {}, element("p", {}, leftText(answer)), this.scatter.element, scatterLegend(rows), this.details, this.list);
  }

  /** The document's plan, or one that is tried out, is another. */
  mark(picture: Picture, isReadOnly: boolean): void {
    this.picture = picture;
    this.isReadOnly = isReadOnly;
    this.redraw();
  }

  refuse(reason: string): void {
    this.details.append(element("p", { class: "judge-error", role: "alert" }, reason));
  }

  private key(event: KeyboardEvent): void {
    const count = this.answer?.rows.length ?? 0;
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.select(Math.min(count - 1, Math.max(0, this.selected + step)), true);
  }

  private select(row: number, reveal: boolean): void {
    this.selected = row;
    [...this.list.children].forEach((option, index) => setAttribute(option, "aria-selected", index === row ? "true" : "false"));
    setAttribute(this.list, "aria-activedescendant", this.list.children[row]?.id);
    if (reveal) this.list.children[row]?.scrollIntoView({ block: "nearest" });
    this.redraw();
  }

  private redraw(): void {
    const { answer, picture, selected } = this;
    if (!answer || !picture) return;
    const { predicted } = picture;
    const own = { throughputPerSecond: (picture.plan.batch.global / meanPeriodMs(predicted)) * 1e3, peakMemoryBytes: peakBytesOf(predicted) };
    this.scatter.show({ rows: answer.rows, selected, own, limitBytes: answer.limitBytes });
    const row = answer.rows[selected];
    this.details.replaceChildren(...(row ? this.detailsOf(row, answer.limitBytes, meanPeriodMs(predicted)) : []));
  }

  private detailsOf(row: AlternativeFigures, limitBytes: number, ownMs: number): readonly HTMLElement[] {
    const facts: readonly (readonly [string, string])[] = [
      ["Period", `${formatMs(row.periodMs)} (${formatChange(row.periodMs / ownMs - 1)} against this plan)`],
      ["Throughput", formatThroughput(row.throughputPerSecond)],
      ["Bubble ratio", formatPercent(row.bubbleRatio)],
      ["Peak memory", `${formatBytes(row.peakMemoryBytes)} of ${formatBytes(limitBytes)}`],
      ["Trainer", row.isRunnable ? "runs it" : "does not run it yet"],
    ];
    return [
      element("h3", { class: "ranking-title" }, `Row ${this.selected + 1}: ${kindOf(row)}`),
      element("dl", { class: "facts" }, ...facts.flatMap(([label, value]) => [element("dt", {}, label), element("dd", {}, value)])),
      row.isKept ? this.actions() : element("p", { class: "hint" }, "Of rows this far down no more than the figures are kept."),
    ];
  }

  private actions(): HTMLElement {
    const { selected } = this;
    return element("div", { class: "judge-actions" },
      this.isReadOnly ? element("p", { class: "hint" }, "This plan is read-only.") : button({ label: "Use this plan", title: "Put its decisions in place of this plan's, in one edit that can be undone", appearance: "primary", onClick: () => this.events.use(selected) }),
      button({ label: "Compare", title: "Lay it beside this plan on one time axis", onClick: () => this.events.compare(selected) }));
  }
}

/** "1f1b, 4 × 2, 8 micro-batches": stages by replicas. */
function shortKindOf({ schedule, stages, dataParallel, microbatches, more }: AlternativeFigures): string {
  return [schedule, `${stages} × ${dataParallel}`, `${microbatches} micro-batch${microbatches === 1 ? "" : "es"}`, ...(more ? [more] : [])].join(", ");
}

/** "1f1b, 4 stages × 2, 8 micro-batches, recomputes". */
function kindOf({ schedule, stages, dataParallel, microbatches, more }: AlternativeFigures): string {
  const shape = stages === 1 ? `${dataParallel} replicas` : `${stages} stages${dataParallel > 1 ? ` × ${dataParallel}` : ""}`;
  return [schedule, shape, `${microbatches} micro-batch${microbatches === 1 ? "" : "es"}`, ...(more ? [more] : [])].join(", ");
}

function leftText({ rows, left: { pruned, notTried, doNotFit } }: AnswerTo<"alternatives">): string {
  const parts = [[pruned, "cannot be better by their bounds"], [notTried, "were not tried, since others looked better"], [doNotFit, "do not fit memory"]] as const;
  const rest = parts.filter(([count]) => count > 0).map(([count, why]) => `${count} ${why}`);
  return `${rows.length} ${rows.length === 1 ? "plan was" : "plans were"} simulated${rest.length ? `; of the others ${rest.join(", ")}` : ""}.`;
}
