/** Everything about one slice: its facts, its time by layer, what it carries, what it waits for, and ways to go on from it. */
import { factsOf, type Fact } from "../../src/timeline/layout/describe";
import { formatBytes, formatMs } from "../../src/timeline/layout/format";
import { sliceOf, type Placement, type SlicePlace } from "../../src/timeline/layout/geometry";
import { kindStyles, labelsOf, operationTitle } from "../../src/timeline/layout/kinds";
import type { Layout } from "../../src/timeline/layout/lanes";
import { layersOf } from "../../src/timeline/layout/layerSequence";
import { layerWorkOf, type LayerShare, type LayerWork } from "../../src/timeline/layout/layerTimes";
import { tensorsOf, type CarriedTensor } from "../../src/timeline/layout/messageTensors";
import { dependentsOf, endOfIdle, lastDependency } from "../../src/timeline/layout/waiting";
import { element } from "../dom";
import type { Picture } from "../session";
import { button } from "../ui";

export interface JumpActions {
  /** Selects an operation of one of the picture's layouts. */
  select(layout: number, operation: number): void;
  /** Opens the model at a component, or at one of its layers. */
  showInModel(component: string, layer?: string): void;
  openConfiguration(component: string, layer?: string): void;
}

/** Longer lists end in a sum. */
const mostLayers = 6;
const mostTensors = 8;
const mostOperations = 6;

export function sliceDetails(picture: Picture, placement: Placement, place: SlicePlace, actions: JumpActions): readonly HTMLElement[] {
  const slice = sliceOf(placement, place);
  const placed = placement.lanes[place.lane];
  if (!slice || !placed) return [];
  const layout = picture.layouts[placed.layout];
  const { timeline, source } = layout;
  const { profile } = picture.context.workload;
  const operation = slice.index === undefined ? undefined : timeline.operations[slice.index];
  const title = element("h2", { class: "details-title", tabindex: -1 }, element("span", { class: `swatch swatch-${slice.kind}`, "aria-hidden": true }, kindStyles[slice.kind].letter), operation ? operationTitle(operation.op) : "Idle (bubble)");
  const facts = factsOf(slice, timeline, placed.lane.device, source, profile);
  if (!operation || slice.index === undefined) return [title, factList(facts), ...idleDetails(picture, placement, place, placed.layout, actions)];
  const work = layerWorkOf(operation, picture.plan, picture.context);
  const row = (index: number, mark?: string) => operationRow(layout, placed.layout, index, actions, mark);
  const needs = [...operation.deps].sort((a, b) => timeline.operations[b].endMs - timeline.operations[a].endMs);
  const last = lastDependency(timeline, slice.index);
  return [
    title,
    factList([...facts, ...savedFacts(work)]),
    ...layerDetails(work, source === "measured", actions),
    ...tensorDetails(tensorsOf(operation, picture.program, profile)),
    ...jumpButtons(layersOf(profile, operation), actions),
    ...section("Waits for", limited(needs, mostOperations, (index) => row(index, index === last && needs.length > 1 ? "last" : undefined), (rest) => `and ${rest.length} more`)),
    ...section("Needed by", limited(dependentsOf(timeline)[slice.index], mostOperations, (index) => row(index), (rest) => `and ${rest.length} more`)),
  ];
}

export function factList(list: readonly Fact[]): HTMLElement {
  return element("dl", { class: "facts" }, ...list.flatMap(({ label, value }) => [element("dt", {}, label), element("dd", {}, value)]));
}

function savedFacts(work: LayerWork | undefined): readonly Fact[] {
  const { untilInputGrad = 0, untilWeightGrad = 0 } = work?.saved ?? {};
  if (untilInputGrad + untilWeightGrad === 0) return [];
  return [{ label: "Saved", value: `${formatBytes(untilInputGrad + untilWeightGrad)} for the backward pass: until I ${formatBytes(untilInputGrad)}, until W ${formatBytes(untilWeightGrad)}` }];
}

function layerDetails(work: LayerWork | undefined, isMeasured: boolean, actions: JumpActions): readonly HTMLElement[] {
  if (!work) return [];
  const slowest = [...work.layers].sort((a, b) => b.ms - a.ms);
  const estimates = work.layers.filter(({ estimate }) => estimate).length;
  const basis = estimates === 0 ? "measured layer times" : estimates === work.layers.length ? "estimated layer times" : `${estimates} of ${work.layers.length} are estimates (≈)`;
  const list = limited(slowest, mostLayers, (layer) => layerRow(layer, actions), (rest) => `${rest.length} more`, (rest) => formatMs(rest.reduce((sum, { ms }) => sum + ms, 0)));
  return section("Time by layer", list, `${work.batch} ${work.batch === 1 ? "sample" : "samples"} at once; ${isMeasured ? "predicted from " : ""}${basis}`);
}

function layerRow({ component, layer, ms, estimate }: LayerShare, actions: JumpActions): HTMLElement {
  return jumpRow(layer, `${estimate ? "≈ " : ""}${formatMs(ms)}`, `Show ${component}/${layer} in the model`, () => actions.showInModel(component, layer));
}

function tensorDetails(tensors: readonly CarriedTensor[]): readonly HTMLElement[] {
  return section("Tensors", limited(tensors, mostTensors, ({ id, bytes }) => plainRow(id, formatBytes(bytes)), (rest) => `${rest.length} more`, (rest) => formatBytes(rest.reduce((sum, { bytes }) => sum + bytes, 0))));
}

function jumpButtons(layers: ReturnType<typeof layersOf>, actions: JumpActions): readonly HTMLElement[] {
  const components = [...new Set(layers.map(({ component }) => component))];
  if (components.length === 0) return [];
  return [element("div", { class: "jump-buttons" },
    button({ label: "Show in Model", title: `Show ${layers[0].component}/${layers[0].layer} in the model`, onClick: () => actions.showInModel(layers[0].component, layers[0].layer) }),
    ...components.map((component) => button({ label: components.length > 1 ? `Configuration of ${component}` : "Open Configuration", title: `Open the configuration file of ${component}`, onClick: () => actions.openConfiguration(component, layers.find((other) => other.component === component)?.layer) })),
  )];
}

function idleDetails(picture: Picture, placement: Placement, place: SlicePlace, layout: number, actions: JumpActions): readonly HTMLElement[] {
  const end = endOfIdle(placement, picture.layouts, place);
  if (!end) return [element("p", { class: "hint" }, "Nothing follows on this device in the iterations shown.")];
  const row = (index: number) => operationRow(picture.layouts[layout], layout, index, actions);
  return [
    ...section("Ends with", [row(end.next)]),
    ...(end.causes.length > 0 ? section("which waits for", end.causes.map(row)) : [element("p", { class: "hint" }, "What it waits for lies before the iterations shown.")]),
  ];
}

/** "F3 · stage 1 · device 0", with when it ends; pressed, it is selected. */
function operationRow({ timeline }: Layout, layout: number, index: number, actions: JumpActions, mark?: string): HTMLElement {
  const operation = timeline.operations[index];
  const parts = [labelsOf(operation)[0], ...(operation.stage === undefined ? [] : [`stage ${operation.stage}`]), `device ${operation.device}`];
  return jumpRow(parts.join(" · "), `${mark ? `${mark}, ` : ""}ends ${formatMs(operation.endMs)}`, `Select ${operationTitle(operation.op)}, ${parts.join(", ")}`, () => actions.select(layout, index));
}

function jumpRow(name: string, value: string, title: string, onClick: () => void): HTMLElement {
  const node = element("button", { class: "jump", type: "button", title }, element("span", { class: "jump-name" }, name), element("span", { class: "jump-value" }, value));
  node.addEventListener("click", onClick);
  return element("li", {}, node);
}

function plainRow(name: string, value: string): HTMLElement {
  return element("li", { class: "plain" }, element("span", { class: "jump-name", title: name }, name), element("span", { class: "jump-value" }, value));
}

/** The first of a list as rows, and one row for the others together. */
function limited<T>(list: readonly T[], most: number, row: (item: T) => HTMLElement, rest: (others: readonly T[]) => string, sum: (others: readonly T[]) => string = () => ""): readonly HTMLElement[] {
  const others = list.slice(most);
  return [...list.slice(0, most).map(row), ...(others.length > 0 ? [plainRow(rest(others), sum(others))] : [])];
}

function section(title: string, rows: readonly HTMLElement[], note?: string): readonly HTMLElement[] {
  if (rows.length === 0) return [];
  return [element("h3", { class: "details-subtitle" }, title), ...(note ? [element("p", { class: "details-note" }, note)] : []), element("ul", { class: "jumps" }, ...rows)];
}
