/** In place of a picture: that it is on its way, or why there is none. */
import type { Problem } from "../../src/protocol/messages";
import { element } from "../dom";
import { progressRing } from "../ui";
import { placeOf } from "./bar";

export function waitingPage(label: string, text: string): HTMLElement {
  return element("div", { class: "placeholder", role: "status" }, progressRing(label), element("p", {}, text));
}

export function problemPage(title: string, { message, file, field, hint }: Problem, action?: HTMLElement): HTMLElement {
  const place = placeOf(file, field);
  return element("div", { class: "placeholder", role: "alert" },
    element("h2", {}, title),
    place ? element("p", { class: "place" }, place) : undefined,
    element("p", {}, message),
    hint ? element("p", { class: "hint" }, hint) : undefined,
    action,
  );
}
