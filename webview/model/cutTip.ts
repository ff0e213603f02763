/** What crosses a cut, beside the pointer. */
import type { LayerRef, Tensor } from "../../src/model/profile";
import { element } from "../dom";
import type { LayerCut } from "./cuts";
import { cutSentence, nameIn, sizeOf } from "./details";

const mostTensors = 8;

export class CutTip {
  readonly element = element("div", { class: "tip", "aria-hidden": true, hidden: true });

  show({ component, layer }: LayerRef, cut: LayerCut, crossing: readonly Tensor[], x: number, y: number): void {
    const rest = crossing.length - mostTensors;
    this.element.replaceChildren(
      element("div", { class: "tip-title" }, cut.isEnd ? `What leaves ${layer}` : `Cut after ${layer}`),
      element("div", {}, cutSentence(cut)),
      ...crossing.slice(0, mostTensors).map((tensor) => element("div", { class: "tip-line" }, `${nameIn(component, tensor)}  ${sizeOf(tensor)}`)),
      ...(rest > 0 ? [element("div", { class: "tip-line" }, `and ${rest} more`)] : []),
    );
    this.element.hidden = false;
    const { offsetWidth, offsetHeight } = this.element;
    this.element.style.left = `${Math.max(4, Math.min(x + 14, window.innerWidth - offsetWidth - 4))}px`;
    this.element.style.top = `${y + 18 + offsetHeight > window.innerHeight ? Math.max(4, y - offsetHeight - 10) : y + 18}px`;
  }

  hide(): void {
    this.element.hidden = true;
  }
}
