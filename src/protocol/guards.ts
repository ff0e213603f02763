/** Messages cross a border: each end checks what it is given. Documents inside were validated by the host before they were sent. */
import { figure, flag, isFields, listOf, oneOf, optional, passes, problem, shape, text, whole, type Check, type Checks, type FieldsOf } from "./checks";
import type { BaselineFigures, Edit, HostMessage, ViewMessage } from "./messages";
import { isPictureText } from "./pictures";

/** A document of the project, by its format. */
const documentOf = (format: string): Check => (value) => isFields(value) && value.format === format;

const baseline = shape<Required<BaselineFigures>>({ title: text, periodMs: optional(figure), note: text });
const edit = shape<Edit>({ kind: oneOf("moveBoundary"), version: whole, chain: text, stage: whole, layer: whole });

const hostMessages: Checks<HostMessage> = {
  inputs: shape<FieldsOf<HostMessage, "inputs">>({ profile: documentOf("diffusionpipe.profile/1"), cluster: documentOf("diffusionpipe.cluster/1") }),
  plan: shape<FieldsOf<HostMessage, "plan">>({ version: whole, name: text, plan: documentOf("diffusionpipe.plan/1"), readOnly: flag, notices: listOf(text) }),
  problem: shape<FieldsOf<HostMessage, "problem">>({ version: whole, kind: oneOf("empty", "text", "inputs"), problem }),
  baselines: shape<FieldsOf<HostMessage, "baselines">>({ version: whole, baselines: listOf(baseline), failed: optional(text) }),
  measured: shape<FieldsOf<HostMessage, "measured">>({ name: text, timeline: (value) => value === null || documentOf("diffusionpipe.timeline/1")(value) }),
  draw: shape<FieldsOf<HostMessage, "draw">>({ id: whole }),
  reply: shape<FieldsOf<HostMessage, "reply">>({ id: whole, error: optional(text) }),
};

const viewMessages: Checks<ViewMessage> = {
  ready: () => true,
  edit: shape<FieldsOf<ViewMessage, "edit">>({ id: whole, edit }),
  showText: shape<FieldsOf<ViewMessage, "showText">>({ field: optional(text) }),
  copy: shape<FieldsOf<ViewMessage, "copy">>({ text }),
  drawn: shape<FieldsOf<ViewMessage, "drawn">>({ id: whole, png: optional(isPictureText), error: optional(text) }),
  log: shape<FieldsOf<ViewMessage, "log">>({ level: oneOf("warning", "error"), message: text }),
};

export function isHostMessage(value: unknown): value is HostMessage {
  return passes(hostMessages, value);
}

export function isViewMessage(value: unknown): value is ViewMessage {
  return passes(viewMessages, value);
}
