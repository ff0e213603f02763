/** The questions that can be asked about a plan: a bar of buttons, and beside the timeline a panel with the answer to one of them. */
import type { AnswerTo, Ask, Other } from "../../src/protocol/judging";
import { iterationChoices, type ShownIterations } from "../../src/timeline/layout/iterations";
import { iterationCount } from "../../src/timeline/layout/lanes";
import { element, setAttribute } from "../dom";
import type { AskHooks, Host } from "../host";
import type { OtherTimeline, Picture, Snapshot } from "../session";
import { button } from "../ui";
import { AlternativesPanel } from "./alternativesPanel";
import { choicesPanel, differencePanel, measuredPanel } from "./comparePanel";
import { whyPanel } from "./whyPanel";
import { worthPanel } from "./worthPanel";

export interface JudgeEvents {
  readonly host: () => Pick<Host, "ask" | "edit">;
  /** Selects an operation of the prediction by its key, and brings it into view. */
  reveal(key: string): void;
  /** Lays another prediction beside the plan's; undefined takes it away. */
  compareWith(other: OtherTimeline | undefined): void;
  say(text: string): void;
}

const questions = {
  why: { label: "Why is this slow?", title: "What the period is made of, and which operations hold it up" },
  worth: { label: "Is pipelining worth it?", title: "This plan beside every common method at its best, cached encodings included" },
  alternatives: { label: "Search alternatives", title: "Every kind of plan for the same profile, cluster and batch, by throughput and memory" },
  compare: { label: "Compare with …", title: "Lay another plan, a baseline, the saved plan or the measured run beside this one" },
} as const;

type Question = keyof typeof questions;

export class Judge {
  readonly bar = element("div", { class: "judge-bar", role: "toolbar", "aria-label": "Questions about the plan", hidden: true });
  private readonly title = element("h2", { class: "judge-title" });
  private readonly body = element("div", { class: "judge-body" });
  readonly element = element("section", { class: "judge", "aria-label": "Answer", hidden: true },
    element("div", { class: "judge-head" }, this.title, button({ label: "✕", title: "Close (Esc)", appearance: "icon", onClick: () => this.close() })), this.body);
  private readonly buttons = new Map<Question, HTMLElement>();
  private readonly alternatives = new AlternativesPanel({
    use: (row) => void this.use(row),
    compare: (row) => void this.compare({ of: "alternative", row }),
  });
  private open?: Question;
  private running?: AbortController;
  private snapshot: Snapshot = {};
  /** The plan that the shown answer is about. */
  private answered?: Picture;
  private isCompared = false;

  constructor(private readonly events: JudgeEvents) {
    for (const question of Object.keys(questions) as Question[]) {
      const node = button({ ...questions[question], onClick: () => (this.open === question ? this.close() : void this.ask(question)) });
      setAttribute(node, "aria-pressed", "false");
      this.buttons.set(question, node);
      this.bar.append(node);
    }
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.close();
    });
  }

  show(snapshot: Snapshot): void {
    const before = this.snapshot;
    this.snapshot = snapshot;
    const { picture, problem } = snapshot;
    this.bar.hidden = !picture;
    if (!picture || problem || this.running) return;
    if (this.open === "alternatives" && (snapshot.preview ?? picture) !== (before.preview ?? before.picture)) this.alternatives.mark(snapshot.preview ?? picture, picture.readOnly);
    if (this.answered === undefined || (isSamePlan(this.answered, picture) && !(this.isCompared && shownIterations(this.answered) !== shownIterations(picture)))) return;
    // What follows from the plan alone is quickly answered anew; searches are left to be asked for.
    if (this.open === "why") void this.ask("why");
    else if (this.isCompared) void this.compare({ of: "same" });
    else if (this.open === "alternatives" && hasSameAlternatives(this.answered, picture)) this.answered = picture;
    else if (this.open) this.sayOutdated(this.open);
  }

  /** Closes the panel, which takes a comparison away with it. False where it was closed. */
  escape(): boolean {
    if (!this.open) return false;
    this.close();
    return true;
  }

  private close(): void {
    const focused = this.element.contains(document.activeElement) && this.open;
    this.stop();
    this.setOpen(undefined);
    if (focused) this.buttons.get(focused)?.focus();
  }

  private stop(): void {
    this.running?.abort();
    this.running = undefined;
    this.answered = undefined;
    if (this.isCompared) this.events.compareWith(undefined);
    this.isCompared = false;
  }

  private setOpen(question: Question | undefined): void {
    this.open = question;
    this.element.hidden = question === undefined;
    this.title.textContent = question === undefined ? "" : questions[question].label;
    for (const [other, node] of this.buttons) setAttribute(node, "aria-pressed", other === question ? "true" : "false");
  }

  private async ask(question: Question): Promise<void> {
    const { picture } = this.snapshot;
    if (!picture) return;
    if (this.open !== question) this.stop();
    this.setOpen(question);
    const { version } = picture;
    switch (question) {
      case "why": return this.answer(picture, { kind: "why", version }, "Taking the period apart", (answer) => [whyPanel(answer, this.events.reveal)]);
      case "worth": return this.answer(picture, { kind: "worth", version }, "Searching every method at its best", (answer) => [worthPanel(answer, (name) => void this.compare({ of: "baseline", name }))]);
      case "alternatives": return this.answer(picture, { kind: "alternatives", version }, "Searching plans for the same profile, cluster and batch", (answer) => [this.alternatives.show(answer, this.snapshot.picture ?? picture)]);
      case "compare": return this.showChoices(picture);
    }
  }

  /** Asks the host, with what it does and how far it is in the panel meanwhile. */
  private async answer<A extends Ask>(about: Picture, ask: A, what: string, contentOf: (answer: AnswerTo<A["kind"]>) => readonly HTMLElement[]): Promise<void> {
    this.running?.abort();
    const abort = new AbortController();
    this.running = abort;
    const progress = element("progress", { "aria-label": what });
    const cancel = button({ label: "Cancel", title: "Stop this", onClick: () => abort.abort() });
    const waiting = element("div", { class: "judge-waiting", role: "status" }, element("p", {}, `${what} …`), progress, cancel);
    if (this.answered === undefined) this.body.replaceChildren(waiting);
    const hooks: AskHooks = { signal: abort.signal, onProgress: (done, total) => Object.assign(progress, { max: Math.max(1, total), value: done }) };
    try {
      const answer = await this.events.host().ask(ask, hooks);
      if (this.running !== abort) return;
      this.running = undefined;
      this.answered = answer && about;
      if (!answer && this.open === "compare") return this.takeAway();
      this.body.replaceChildren(...(answer ? contentOf(answer) : [element("p", { class: "hint" }, "Called off.")]));
      // It may have been overtaken by a change of the plan.
      this.show(this.snapshot);
    } catch (error) {
      if (this.running !== abort) return;
      this.running = undefined;
      const isOvertaken = this.snapshot.picture?.version !== about.version;
      this.answered = isOvertaken ? about : undefined;
      if (isOvertaken) return this.show(this.snapshot);
      this.body.replaceChildren(
        element("p", { class: "judge-error", role: "alert" }, error instanceof Error ? error.message : String(error)),
        button({ label: this.open === "compare" ? "Back" : "Ask again", title: "Back to the question", onClick: () => this.open && void this.ask(this.open) }),
      );
    }
  }

  private showChoices(picture: Picture): void {
    const { baselines } = this.snapshot;
    this.answered = picture;
    this.body.replaceChildren(choicesPanel({
      baselines: (baselines?.list ?? []).filter(({ periodMs }) => periodMs !== undefined).map(({ title }) => title.replace(/,.*/, "")),
      hasSaved: this.snapshot.standing?.saved !== undefined,
      measured: picture.measured?.name,
      choose: (other) => void this.compare(other),
      chooseMeasured: () => this.compareMeasured(),
    }));
  }

  private async compare(other: Other): Promise<void> {
    const { picture } = this.snapshot;
    if (!picture) return;
    const { version } = picture;
    if (this.open !== "compare") this.stop();
    if (other.of !== "same") this.answered = undefined;
    this.setOpen("compare");
    await this.answer(picture, { kind: "compare", version, other, iterations: shownIterations(picture) }, "Preparing the comparison", (answer) => {
      this.isCompared = true;
      this.events.compareWith({ name: answer.name, timeline: answer.timeline });
      this.events.say(answer.lead);
      return [differencePanel(answer, () => this.takeAway())];
    });
  }

  private compareMeasured(): void {
    const { picture } = this.snapshot;
    if (picture?.measured) this.body.replaceChildren(measuredPanel(picture.predicted, picture.measured, () => void this.ask("compare")));
  }

  /** Back to what there is to compare with. */
  private takeAway(): void {
    this.stop();
    void this.ask("compare");
  }

  private async use(row: number): Promise<void> {
    const { picture } = this.snapshot;
    if (!picture) return;
    const { version } = picture;
    const { ask, edit } = this.events.host();
    try {
      const answer = await ask({ kind: "alternative", version, row });
      if (answer) await edit({ kind: "replacePlan", version, plan: answer.plan });
      this.events.say(`The plan is that of row ${row + 1} now. Undo takes it back.`);
    } catch (error) {
      this.alternatives.refuse(error instanceof Error ? error.message : String(error));
    }
  }

  private sayOutdated(question: Question): void {
    this.answered = undefined;
    if (question === "compare") return void this.ask("compare");
    this.body.prepend(element("p", { class: "judge-outdated" }, "The plan has changed since. ", button({ label: "Ask again", title: "Answer for the plan as it is now", onClick: () => void this.ask(question) })));
  }
}

/** Whether both are of one state of the document and of its inputs. */
function isSamePlan(a: Picture, b: Picture): boolean {
  return a.version === b.version && a.context === b.context;
}

function shownIterations({ predicted }: Picture): ShownIterations {
  const count = iterationCount(predicted);
  return iterationChoices.find((choice) => choice === count) ?? 2;
}

/** Alternatives depend on what all plans of a search share. */
function hasSameAlternatives(a: Picture, b: Picture): boolean {
  const shared = ({ plan: { batch, optimizer, training } }: Picture) => JSON.stringify([batch.global, optimizer, training]);
  return a.context === b.context && shared(a) === shared(b);
}
