/** Messages cross a border: each end checks what it is given. Documents inside were validated by the host before they were sent. */
import { figure, flag, isFields, listOf, oneOf, optional, passes, problem, shape, text, whole, type Check, type Checks, type FieldsOf } from "./checks";
import { anchorOps, frozenPrecisions, scheduleNames, type FillAnchor } from "../model/plan";
import type { PlanChange } from "../plan/planChange";
import { isAnswer, isAsk, isStanding } from "./judgingGuards";
import type { BaselineFigures, Edit, HostMessage, Replan, ViewMessage } from "./messages";
import { isPictureText } from "./pictures";

/** A document of the project, by its format. */
const documentOf = (format: string): Check => (value) => isFields(value) && value.format === format;

const baseline = shape<Required<BaselineFigures>>({ title: text, periodMs: optional(figure), note: text });
const share: Check = (value) => figure(value) && (value as number) >= 0 && (value as number) <= 1;
const anchor = shape<Required<FillAnchor>>({ op: oneOf(...anchorOps), chain: optional(text), stage: optional(whole), microbatch: optional(whole) });
const change = shape<Required<PlanChange>>({
  batch: optional(whole), microbatches: optional(whole), dataParallel: optional(whole), stages: optional(whole), schedule: optional(oneOf(...scheduleNames)), warmup: optional(whole), recompute: optional(flag),
});

type EditFields<K extends Edit["kind"]> = Required<Omit<Extract<Edit, { readonly kind: K }>, "kind">>;

const edits: { readonly [K in Edit["kind"]]: Check } = {
  moveBoundary: shape<EditFields<"moveBoundary">>({ version: whole, chain: text, stage: whole, layer: whole }),
  replacePlan: shape<EditFields<"replacePlan">>({ version: whole, plan: documentOf("diffusionpipe.plan/1") }),
  moveFill: shape<EditFields<"moveFill">>({ version: whole, fill: whole, device: whole, before: anchor }),
  evictFill: shape<EditFields<"evictFill">>({ version: whole, fill: whole }),
  splitFill: shape<EditFields<"splitFill">>({ version: whole, fill: whole, at: whole }),
  mergeFill: shape<EditFields<"mergeFill">>({ version: whole, fill: whole, other: whole }),
  pinFill: shape<EditFields<"pinFill">>({ version: whole, fill: whole, pinned: flag }),
  selfConditioning: shape<EditFields<"selfConditioning">>({ version: whole, chain: text, probability: share }),
  frozenPrecision: shape<EditFields<"frozenPrecision">>({ version: whole, component: text, precision: oneOf(...frozenPrecisions) }),
  pin: shape<EditFields<"pin">>({ version: whole, pin: text, pinned: flag }),
  role: shape<EditFields<"role">>({ version: whole, component: text, trains: flag }),
  change: shape<EditFields<"change">>({ version: whole, change }),
  refill: shape<{ version: number }>({ version: whole }),
  improve: shape<{ version: number }>({ version: whole }),
  repair: shape<{ version: number }>({ version: whole }),
};
const edit: Check = (value) => isFields(value) && typeof value.kind === "string" && Object.hasOwn(edits, value.kind) && edits[value.kind as Edit["kind"]](value);

const hostMessages: Checks<HostMessage> = {
  inputs: shape<FieldsOf<HostMessage, "inputs">>({ profile: documentOf("diffusionpipe.profile/1"), cluster: documentOf("diffusionpipe.cluster/1") }),
  plan: shape<FieldsOf<HostMessage, "plan">>({ version: whole, name: text, plan: documentOf("diffusionpipe.plan/1"), readOnly: flag, notices: listOf(text) }),
  problem: shape<FieldsOf<HostMessage, "problem">>({ version: whole, kind: oneOf("empty", "text", "inputs"), problem }),
  baselines: shape<FieldsOf<HostMessage, "baselines">>({ version: whole, baselines: listOf(baseline), failed: optional(text) }),
  measured: shape<FieldsOf<HostMessage, "measured">>({ name: text, timeline: (value) => value === null || documentOf("diffusionpipe.timeline/1")(value) }),
  standing: shape<FieldsOf<HostMessage, "standing">>({ version: whole, standing: isStanding }),
  progress: shape<FieldsOf<HostMessage, "progress">>({ id: whole, done: whole, total: whole }),
  search: shape<FieldsOf<HostMessage, "search">>({ query: text }),
  draw: shape<FieldsOf<HostMessage, "draw">>({ id: whole }),
  reply: shape<FieldsOf<HostMessage, "reply">>({ id: whole, error: optional(text), answer: optional(isAnswer) }),
};

const viewMessages: Checks<ViewMessage> = {
  ready: () => true,
  edit: shape<FieldsOf<ViewMessage, "edit">>({ id: whole, edit }),
  ask: shape<FieldsOf<ViewMessage, "ask">>({ id: whole, ask: isAsk }),
  cancel: shape<FieldsOf<ViewMessage, "cancel">>({ id: whole }),
  jump: shape<FieldsOf<ViewMessage, "jump">>({ id: whole, to: oneOf("model", "configuration"), component: text, layer: optional(text) }),
  showText: shape<FieldsOf<ViewMessage, "showText">>({ field: optional(text) }),
  copy: shape<FieldsOf<ViewMessage, "copy">>({ text }),
  drawn: shape<FieldsOf<ViewMessage, "drawn">>({ id: whole, png: optional(isPictureText), error: optional(text) }),
  log: shape<FieldsOf<ViewMessage, "log">>({ level: oneOf("warning", "error"), message: text }),
};

/** Whether an edit is for the planner. */
export function isReplan(edit: Edit): edit is Replan & { readonly version: number } {
  return edit.kind === "change" || edit.kind === "refill" || edit.kind === "improve" || edit.kind === "repair";
}

export function isHostMessage(value: unknown): value is HostMessage {
  return passes(hostMessages, value);
}

export function isViewMessage(value: unknown): value is ViewMessage {
  return passes(viewMessages, value);
}
