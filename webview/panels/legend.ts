/** What colours, patterns and letters mean, painted by the same brush as the lanes. */
import { kindStyles, sliceKinds } from "../../src/timeline/layout/kinds";
import { paintBox } from "../canvas/painter";
import type { Patterns } from "../canvas/patterns";
import type { Theme } from "../canvas/theme";
import { element } from "../dom";

const size = { width: 24, height: 14 };

export function legendPanel(theme: Theme, patterns: Patterns): HTMLElement {
  return element("ul", { class: "legend", "aria-label": "Legend" }, ...sliceKinds.map((kind) => {
    const ratio = window.devicePixelRatio;
    const canvas = element("canvas", { width: Math.round(size.width * ratio), height: Math.round(size.height * ratio), "aria-hidden": true });
    const context = canvas.getContext("2d");
    if (context) {
      context.scale(ratio, ratio);
      paintBox({ context, theme, patterns }, kind, 0.5, 0.5, size.width - 0.5, size.height - 1);
      const { letter, pattern } = kindStyles[kind];
      if (letter && pattern === "plain") {
        context.font = `10px ${theme.font}`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillStyle = theme.kinds[kind].text;
        context.fillText(letter, size.width / 2, size.height / 2 + 0.5);
      }
    }
    return element("li", {}, canvas, kindStyles[kind].title);
  }));
}
