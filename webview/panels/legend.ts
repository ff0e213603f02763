/** What colours, patterns and letters mean, painted by the same brush as the lanes. */
import type { Colouring } from "../../src/timeline/layout/colours";
import { paintBox, paintFoot } from "../canvas/boxes";
import type { Patterns } from "../canvas/patterns";
import { inkOf, type Theme } from "../canvas/theme";
import { element } from "../dom";

const size = { width: 24, height: 14 };

export function legendPanel(theme: Theme, patterns: Patterns, { legend }: Colouring): HTMLElement {
  return element("ul", { class: "legend", "aria-label": "Legend" }, ...legend.map((look) => {
    const ratio = window.devicePixelRatio;
    const canvas = element("canvas", { width: Math.round(size.width * ratio), height: Math.round(size.height * ratio), "aria-hidden": true });
    const context = canvas.getContext("2d");
    if (context) {
      context.scale(ratio, ratio);
      paintBox({ context, theme, patterns }, look, 0.5, 0.5, size.width - 0.5, size.height - 1);
      if (look.hasFoot) paintFoot({ context, theme, patterns }, look, 0.5, 0.5, size.width - 0.5, size.height - 1);
      const { letter, pattern } = look;
      if (letter && pattern === "plain") {
        context.font = `10px ${theme.font}`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillStyle = inkOf(theme, look.ink).text;
        context.fillText(letter, size.width / 2, size.height / 2 + (look.hasFoot ? -0.5 : 0.5));
      }
    }
    return element("li", {}, canvas, look.title);
  }));
}
