/** A bar above a picture: what is wrong or doubtful, where, and what to do about it. */
import { element } from "../dom";

/** E.g. "small/unet/config.json · block_out_channels". */
export function placeOf(file: string | undefined, field: string | undefined): string {
  return [file, field].filter((part) => part !== undefined && part !== "").join(" · ");
}

export function bar(kind: "error" | "warning" | "info", parts: readonly (string | undefined)[], action?: HTMLElement): HTMLElement {
  const mark = { error: "⨯", warning: "⚠", info: "ℹ\ufe0e" }[kind];
  const text = parts.filter((part): part is string => part !== undefined && part !== "");
  return element("div", { class: `notice notice-${kind}`, role: kind === "error" ? "alert" : "status" },
    element("span", { class: "notice-mark", "aria-hidden": true }, mark),
    element("span", { class: "notice-text" }, ...text.map((part, index) => element("span", { class: index === 0 && text.length > 1 && kind === "error" ? "place" : "" }, `${part} `))),
    action,
  );
}
