/** Messages cross a border: each end checks what it is given. Documents inside were validated by the host before they were sent. */
import type { BaselineFigures, Edit, HostMessage, Problem, ViewMessage } from "./messages";

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const figure: Check = (value) => typeof value === "number" && Number.isFinite(value);
const optional = (check: Check): Check => (value) => value === undefined || check(value);
const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const oneOf = (...values: readonly string[]): Check => (value) => typeof value === "string" && values.includes(value);

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every known field holds, and no field of the type `T` is forgotten. */
function shape<T>(checks: Readonly<Record<keyof T, Check>>): Check {
  const entries = Object.entries<Check>(checks);
  return (value) => isFields(value) && entries.every(([name, check]) => check(value[name]));
}

/** A document of the project, by its format. */
const documentOf = (format: string): Check => (value) => isFields(value) && value.format === format;

const problem = shape<Required<Problem>>({ message: text, file: optional(text), field: optional(text), hint: optional(text) });
const baseline = shape<Required<BaselineFigures>>({ title: text, periodMs: optional(figure), note: text });
const edit = shape<Edit>({ kind: oneOf("moveBoundary"), version: whole, chain: text, stage: whole, layer: whole });

type FieldsOf<M extends { readonly type: string }, T extends M["type"]> = Required<Omit<Extract<M, { readonly type: T }>, "type">>;
type Checks<M extends { readonly type: string }> = { readonly [T in M["type"]]: Check };

const hostMessages: Checks<HostMessage> = {
  inputs: shape<FieldsOf<HostMessage, "inputs">>({ profile: documentOf("diffusionpipe.profile/1"), cluster: documentOf("diffusionpipe.cluster/1") }),
  plan: shape<FieldsOf<HostMessage, "plan">>({ version: whole, name: text, plan: documentOf("diffusionpipe.plan/1"), readOnly: flag, notices: listOf(text) }),
  problem: shape<FieldsOf<HostMessage, "problem">>({ version: whole, kind: oneOf("empty", "text", "inputs"), problem }),
  baselines: shape<FieldsOf<HostMessage, "baselines">>({ version: whole, baselines: listOf(baseline), failed: optional(text) }),
  measured: shape<FieldsOf<HostMessage, "measured">>({ name: text, timeline: (value) => value === null || documentOf("diffusionpipe.timeline/1")(value) }),
  reply: shape<FieldsOf<HostMessage, "reply">>({ id: whole, error: optional(text) }),
};

const viewMessages: Checks<ViewMessage> = {
  ready: () => true,
  edit: shape<FieldsOf<ViewMessage, "edit">>({ id: whole, edit }),
  showText: shape<FieldsOf<ViewMessage, "showText">>({ field: optional(text) }),
  log: shape<FieldsOf<ViewMessage, "log">>({ level: oneOf("warning", "error"), message: text }),
};

export function isHostMessage(value: unknown): value is HostMessage {
  return passes(hostMessages, value);
}

export function isViewMessage(value: unknown): value is ViewMessage {
  return passes(viewMessages, value);
}

function passes(messages: Readonly<Record<string, Check>>, value: unknown): boolean {
  return isFields(value) && typeof value.type === "string" && Object.hasOwn(messages, value.type) && messages[value.type](value);
}

/** What a log says of a message that nobody understood: its type and nothing of its content. */
export function nameOfUnknown(value: unknown): string {
  const type = isFields(value) ? value.type : undefined;
  return typeof type === "string" ? `"${type.slice(0, 64)}"` : `of type ${typeof value}`;
}
