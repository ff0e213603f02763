/** Why a plan takes as long as it does: its period in parts, and the operations that each is made of. */
import type { AnswerTo, PeriodPart } from "../../src/protocol/judging";
import { formatMs, formatPercent } from "../../src/timeline/layout/format";
import { element } from "../dom";

/** @param reveal Selects an operation by its key. */
export function whyPanel({ verdict, parts }: AnswerTo<"why">, reveal: (key: string) => void): HTMLElement {
  const periodMs = parts.reduce((sum, { ms }) => sum + ms, 0);
  return element("div", {}, element("p", { class: "judge-verdict" }, verdict), element("ol", { class: "parts" }, ...parts.map((part) => partRow(part, periodMs, reveal))));
}

function partRow({ title, ms, text, isBound, reasons }: PeriodPart, periodMs: number, reveal: (key: string) => void): HTMLElement {
  const share = periodMs > 0 ? ms / periodMs : 0;
  const bar = element("div", { class: "part-bar" });
  bar.style.width = `${Math.max(0, Math.min(100, share * 100)).toFixed(1)}%`;
  return element("li", { class: isBound ? "part part-bound" : "part" },
    element("div", { class: "part-head" }, element("span", {}, isBound ? `▸ ${title}` : title), element("span", { class: "part-ms" }, `${formatMs(ms)} · ${formatPercent(share)}`)),
    element("div", { class: "part-track", "aria-hidden": true }, bar),
    element("p", { class: "hint" }, text),
    reasons.length > 0 ? element("ul", { class: "reasons" }, ...reasons.map(({ text: reason, operation }) => {
      const link = element("button", { type: "button", class: "reason", title: "Select it and bring it into view" }, reason);
      link.addEventListener("click", () => reveal(operation));
      return element("li", {}, link);
    })) : undefined,
  );
}
