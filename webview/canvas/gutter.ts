/** The names of devices and lanes, left of the picture. */
import { kindName } from "../../src/timeline/layout/describe";
import { formatBytes } from "../../src/timeline/layout/format";
import type { Placement } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { element } from "../dom";

export function gutterLabels(layouts: readonly Layout[], placement: Placement): readonly HTMLElement[] {
  const devices = placement.devices.map(({ device, y, height }) => {
    const name = kindName(layouts[0].timeline, device);
    const { peakMemoryBytes } = layouts[0].timeline.devices[device] ?? { peakMemoryBytes: 0 };
    const node = element("div", { class: "gutter-device", title: `Device ${device}: ${name}, peak memory ${formatBytes(peakMemoryBytes)}` },
      element("span", { class: "gutter-number" }, element("span", { class: "gutter-word" }, "Device "), `${device}`),
      element("span", { class: "gutter-name" }, name),
      element("span", { class: "gutter-memory" }, formatBytes(peakMemoryBytes)),
    );
    place(node, y, height);
    return node;
  });
  const lanes = placement.lanes.flatMap(({ lane, layout, y, height }) => {
    const name = layouts[layout].name ?? lane.source;
    const text = lane.stream === "communication" ? "⇄" : layouts.length > 1 ? name : undefined;
    if (text === undefined) return [];
    const node = element("div", { class: `gutter-lane gutter-${lane.source}`, title: lane.stream === "communication" ? `${name} communication` : `${name} computing` }, element("span", { class: "gutter-lane-name" }, text));
    place(node, y, height);
    return [node];
  });
  return [...devices, ...lanes];
}

function place(node: HTMLElement, y: number, height: number): void {
  node.style.top = `${y}px`;
  node.style.height = `${height}px`;
}
