/** Checks of the questions and answers about judging a plan. */
import { scheduleNames } from "../model/plan";
import { figure, flag, isFields, listOf, oneOf, optional, shape, text, whole, type Check } from "./checks";
import type { AlternativeFigures, Answer, Ask, Decision, Figures, MethodFigures, Other, PeriodPart, Reason, Standing } from "./judging";

type Of<U extends { readonly kind: string }, K extends U["kind"]> = Required<Omit<Extract<U, { readonly kind: K }>, "kind">>;
type ByKind<U extends { readonly kind: string }> = Readonly<Record<U["kind"], Check>>;

const oneKindOf = (kinds: Readonly<Record<string, Check>>, tag: string): Check => (value) => isFields(value) && typeof value[tag] === "string" && Object.hasOwn(kinds, value[tag]) && kinds[value[tag]](value);
const documentOf = (format: string): Check => (value) => isFields(value) && value.format === format;
const plan = documentOf("diffusionpipe.plan/1");

const others: Readonly<Record<Other["of"], Check>> = {
  file: () => true,
  saved: () => true,
  baseline: shape<{ name: string }>({ name: text }),
  alternative: shape<{ row: number }>({ row: whole }),
  same: () => true,
};

const asks: ByKind<Ask> = {
  bound: shape<Of<Ask, "bound">>({ plan }),
  why: shape<Of<Ask, "why">>({ version: whole }),
  worth: shape<Of<Ask, "worth">>({ version: whole }),
  alternatives: shape<Of<Ask, "alternatives">>({ version: whole }),
  alternative: shape<Of<Ask, "alternative">>({ version: whole, row: whole }),
  compare: shape<Of<Ask, "compare">>({ version: whole, other: oneKindOf(others, "of"), iterations: (value) => value === 1 || value === 2 || value === 3 }),
};

const figureChecks = { periodMs: figure, throughputPerSecond: figure, peakMemoryBytes: figure };
const figures = shape<Figures>(figureChecks);
const reason = shape<Reason>({ text, operation: text });
const part = shape<PeriodPart>({ title: text, ms: figure, text, isBound: flag, reasons: listOf(reason) });
const method = shape<Required<MethodFigures>>({ name: text, figures: optional(figures), speedUp: optional(figure), note: text, isSimulated: flag });
const alternative = shape<AlternativeFigures>({ ...figureChecks, schedule: oneOf(...scheduleNames), stages: whole, microbatches: whole, dataParallel: whole, more: text, bubbleRatio: figure, isRunnable: flag, isKept: flag });
const decision = shape<Decision>({ what: text, here: text, there: text });

const answers: ByKind<Answer> = {
  bound: shape<Of<Answer, "bound">>({ boundMs: figure }),
  why: shape<Of<Answer, "why">>({ verdict: text, parts: listOf(part) }),
  worth: shape<Of<Answer, "worth">>({ verdict: text, caching: optional(text), plan: figures, methods: listOf(method) }),
  alternatives: shape<Of<Answer, "alternatives">>({ rows: listOf(alternative), left: shape<Of<Answer, "alternatives">["left"]>({ pruned: whole, notTried: whole, doNotFit: whole }), limitBytes: figure }),
  alternative: shape<Of<Answer, "alternative">>({ plan }),
  compare: shape<Of<Answer, "compare">>({ name: text, timeline: documentOf("diffusionpipe.timeline/1"), lead: text, decisions: listOf(decision), causes: listOf(text) }),
};

export const isAsk: Check = oneKindOf(asks, "kind");
export const isAnswer: Check = oneKindOf(answers, "kind");
export const isStanding = shape<Required<Standing>>({ boundMs: optional(figure), saved: optional(figures), best: optional(figures) });
