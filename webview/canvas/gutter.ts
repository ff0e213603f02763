/** The names of devices and lanes, left of the picture; a device's name folds its sub-lanes, a group's folds its replicas. */
import { kindName } from "../../src/timeline/layout/describe";
import type { ReplicaGroup } from "../../src/timeline/layout/folds";
import { formatBytes } from "../../src/timeline/layout/format";
import type { PlacedDevice, PlacedLane, Placement } from "../../src/timeline/layout/geometry";
import type { Layout } from "../../src/timeline/layout/lanes";
import { element, patchChildren } from "../dom";

export interface GutterEvents {
  deviceFolded(device: number, isUnfolded: boolean): void;
  groupFolded(firstDevice: number, isFolded: boolean): void;
}

/** Devices that a folded group's label names. */
const mostNamed = 3;

export class Gutter {
  readonly element = element("div", { class: "gutter", role: "group", "aria-label": "Devices" });

  constructor(private readonly events: GutterEvents) {
    this.element.addEventListener("click", ({ target }) => this.clicked(target));
  }

  /**
   * Labels that are there already are kept, and so is the focus.
   * @param limits Per device, the bytes that training can use.
   */
  show(layouts: readonly Layout[], placement: Placement, limits: readonly number[]): void {
    const devices = layouts.length ? placement.devices.map((placed) => deviceLabel(placed, layouts[0], limits[placed.device])) : [];
    this.element.classList.toggle("gutter-both", layouts.length > 1);
    patchChildren(this.element, [...devices, ...placement.lanes.flatMap((placed) => laneLabel(placed, layouts))]);
  }

  private clicked(target: EventTarget | null): void {
    const button = target instanceof Element ? target.closest<HTMLElement>("button") : null;
    if (!button) return;
    const isExpanded = button.getAttribute("aria-expanded") === "true";
    const { device, group } = button.dataset;
    if (device !== undefined) this.events.deviceFolded(Number(device), !isExpanded);
    else if (group !== undefined) this.events.groupFolded(Number(group), isExpanded);
  }
}

function deviceLabel({ device, group, isUnfolded, y, height }: PlacedDevice, { timeline }: Layout, limit: number | undefined): HTMLElement {
  const name = kindName(timeline, device);
  const { peakMemoryBytes } = timeline.devices[device] ?? { peakMemoryBytes: 0 };
  const isOver = limit !== undefined && peakMemoryBytes > limit;
  const stands = group?.isFolded ? group : undefined;
  const peak = `${isOver ? "⚠ " : ""}${formatBytes(peakMemoryBytes)}`;
  const button = element("button", {
    class: "gutter-fold", "data-device": device, type: "button", "aria-expanded": isUnfolded ? "true" : "false",
    title: `${stands ? `Devices ${stands.devices.join(", ")}` : `Device ${device}`}: ${name}, peak memory ${formatBytes(peakMemoryBytes)}${isOver ? `, over its limit of ${formatBytes(limit)}` : ""}. ${isUnfolded ? "Folds" : "Shows"} communication and memory.`,
  },
    element("span", { class: "gutter-twistie", "aria-hidden": true }, isUnfolded ? "▾" : "▸"),
    stands
      ? element("span", { class: "gutter-number" }, element("span", { class: "gutter-word" }, "Devices "), namedDevices(stands))
      : element("span", { class: "gutter-number" }, element("span", { class: "gutter-word" }, "Device "), `${device}`),
    stands ? undefined : element("span", { class: "gutter-memory" }, peak),
  );
  const node = element("div", { class: "gutter-device" }, button, group ? groupButton(group, device) : element("span", { class: "gutter-name" }, name));
  place(node, y, height);
  return node;
}

function groupButton({ devices, isFolded, unlike }: ReplicaGroup, first: number): HTMLElement {
  const difference = unlike.length ? ` Not alike: ${unlike.length === 1 ? "device" : "devices"} ${unlike.join(", ")} ${unlike.length === 1 ? "does" : "do"} other work, or at other times.` : "";
  return element("button", {
    class: "gutter-group", "data-group": first, type: "button", "aria-expanded": isFolded ? "false" : "true",
    title: isFolded ? `Devices ${devices.join(", ")} hold the same stages; device ${first} is shown.${difference} Shows each.` : `Folds devices ${devices.join(", ")}, which hold the same stages, into one.`,
  }, isFolded ? `⊞ ${devices.length}` : `⊟ ${devices.length}`, element("span", { class: "gutter-word" }, `\u00a0replicas${unlike.length ? ", unlike" : ""}`));
}

function namedDevices({ devices }: ReplicaGroup): string {
  return devices.length > mostNamed ? `${devices.slice(0, mostNamed).join(", ")} …` : devices.join(", ");
}

function laneLabel({ lane, layout, y, height }: PlacedLane, layouts: readonly Layout[]): readonly HTMLElement[] {
  const name = layouts[layout].name ?? lane.source;
  const text = lane.stream === "communication" ? "⇄" : lane.stream === "memory" ? "mem" : layouts.length > 1 ? name : undefined;
  if (text === undefined) return [];
  const what = lane.stream === "compute" ? "computing" : lane.stream;
  const node = element("div", { class: `gutter-lane gutter-${lane.source}`, title: `${name} ${what}`, "aria-hidden": true }, element("span", { class: "gutter-lane-name" }, text));
  place(node, y, height);
  return [node];
}

function place(node: HTMLElement, y: number, height: number): void {
  node.style.top = `${y}px`;
  node.style.height = `${height}px`;
}
