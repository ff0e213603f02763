/** Both ends of the profile view check what they are given. A profile inside was validated by the host before it was sent. */
import type { LayerRef } from "../model/profile";
import { isFields, listOf, oneOf, optional, passes, problem, shape, text, whole, type Check, type Checks, type FieldsOf } from "./checks";
import type { Measuring, ProfileHostMessage, ProfileViewMessage, Stand } from "./profileMessages";

const profile: Check = (value) => isFields(value) && value.format === "diffusionpipe.profile/1";
const layerRefs = listOf(shape<LayerRef>({ component: text, layer: text }));

type Case<U extends { readonly kind: string }, K extends U["kind"]> = Omit<Extract<U, { readonly kind: K }>, "kind">;

/** A value of a union whose cases are told apart by `kind`. */
function kinds<U extends { readonly kind: string }>(checks: { readonly [K in U["kind"]]: Check }): Check {
  return (value) => isFields(value) && typeof value.kind === "string" && Object.hasOwn(checks, value.kind) && checks[value.kind as U["kind"]](value);
}

const stand = kinds<Stand>({
  compared: shape<Case<Stand, "compared">>({ changed: layerRefs, gone: layerRefs, differences: listOf(text) }),
  unknown: shape<Case<Stand, "unknown">>({ reason: text }),
});
const measuring = kinds<Measuring>({ ready: () => true, running: () => true, refused: shape<Case<Measuring, "refused">>({ reason: text }) });

const hostMessages: Checks<ProfileHostMessage> = {
  profile: shape<FieldsOf<ProfileHostMessage, "profile">>({ version: whole, name: text, profile }),
  problem: shape<FieldsOf<ProfileHostMessage, "problem">>({ version: whole, name: text, kind: oneOf("empty", "text"), problem }),
  stand: shape<FieldsOf<ProfileHostMessage, "stand">>({ version: whole, stand }),
  measuring: shape<FieldsOf<ProfileHostMessage, "measuring">>({ measuring }),
};

const viewMessages: Checks<ProfileViewMessage> = {
  ready: () => true,
  measure: () => true,
  exportCsv: () => true,
  copy: shape<FieldsOf<ProfileViewMessage, "copy">>({ text }),
  newPlan: () => true,
  openModel: () => true,
  showText: shape<FieldsOf<ProfileViewMessage, "showText">>({ field: optional(text) }),
  log: shape<FieldsOf<ProfileViewMessage, "log">>({ level: oneOf("warning", "error"), message: text }),
};

export function isProfileHostMessage(value: unknown): value is ProfileHostMessage {
  return passes(hostMessages, value);
}

export function isProfileViewMessage(value: unknown): value is ProfileViewMessage {
  return passes(viewMessages, value);
}
