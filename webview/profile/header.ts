/** The head of the profile view: what was timed, where and with what, and how much of it was measured. */
import { figuresAt } from "../../src/model/layerFigures";
import { isOfEstimates, measuredShare } from "../../src/model/measured";
import { isUsable, type Profile } from "../../src/model/profile";
import { formatBytes, formatMs, formatPercent } from "../../src/timeline/layout/format";
import { element } from "../dom";
import { tileGroup, type Tile } from "../panels/tiles";
import type { RowList } from "./rows";

/** The model and the place, in words. */
export function titleParts(profile: Profile, name: string): readonly HTMLElement[] {
  const { device, bindings, runtimeVersion, model } = profile;
  const symbols = Object.entries(bindings.symbols ?? {}).map(([symbol, value]) => `${symbol} ${value}`);
  const facts = [
    device.name, device.provider, device.precision,
    ...(device.threads === undefined ? [] : [`${device.threads} thread${device.threads === 1 ? "" : "s"}`]),
    ...(device.busyCores ? [`${device.busyCores} other cores busy`] : []),
    ...(device.memoryBytes > 0 ? [formatBytes(device.memoryBytes)] : []),
    ...(runtimeVersion === undefined ? [] : [runtimeVersion]),
    [`${bindings.height} × ${bindings.width} pixels`, `${bindings.sequenceLength} tokens`, ...(bindings.frames === undefined ? [] : [`${bindings.frames} frames`]), ...symbols].join(", "),
  ];
  return [
    element("h1", {}, model.path.split(/[\\/]/).filter((part) => part !== "" && part !== "." && part !== "..").at(-1) ?? model.path),
    element("span", { class: "path", title: `Model: ${model.path}` }, name),
    element("ul", { class: "place-facts", "aria-label": "Device, runtime and size" }, ...facts.map((fact) => element("li", {}, fact))),
  ];
}

/** @param all Of all layers at the batch size chosen. */
export function tiles(profile: Profile, batch: number, { all }: RowList, unit: string): HTMLElement {
  const { layers, forward, withGradients, gradients } = measuredShare(profile);
  const estimates = isOfEstimates(profile);
  const spread = typicalSpread(profile);
  return tileGroup(`Profile, batch ${batch}`, [
    { label: "Forward measured", value: share(forward, layers), note: estimates ? "all are estimates" : `${forward} of ${layers} layers`, tone: forward < layers && !estimates ? "warning" : undefined },
    { label: "I and W measured", value: share(gradients, withGradients), note: withGradients === 0 ? "no layer has gradients" : gradients === withGradients ? `${gradients} layers` : `${withGradients - gradients} of ${withGradients} are estimates` },
    { label: "Spread", value: spread === undefined ? "–" : `±${formatPercent(spread)}`, note: spread === undefined ? "not known" : "of F, in the median", hover: "Interquartile range of the rounds that were timed" },
    { label: "All layers, F + I + W", value: formatMs(all.figures.total ?? 0), note: `per ${unit}${all.failed > 0 ? `, without ${all.failed} that failed` : ""}`, tone: all.failed > 0 ? "warning" : undefined },
    frozenTile(profile, batch),
  ]);
}

const share = (part: number, whole: number) => (whole === 0 ? "–" : formatPercent(part / whole));

/** Of F at all batch sizes; undefined where no time says its spread. */
function typicalSpread({ components }: Profile): number | undefined {
  const shares = components.flatMap(({ layers }) => layers.flatMap(({ times }) => times.flatMap((time) => (isUsable(time) && time.spreadMs !== undefined && time.forwardMs > 0 ? [time.spreadMs / time.forwardMs] : []))));
  return shares.length === 0 ? undefined : shares.sort((a, b) => a - b)[Math.floor(shares.length / 2)];
}

/** What no chain runs: the work that may fill bubbles. */
function frozenTile({ components, chains }: Profile, batch: number): Tile {
  const inChain = (component: string, index: number) => chains.some(({ segments }) => segments.some((segment) => segment.component === component && index >= segment.from && index < segment.to));
  let [frozen, all] = [0, 0];
  for (const { name, layers } of components) {
    for (const [index, layer] of layers.entries()) {
      const ms = figuresAt(layer, batch).ms?.total ?? 0;
      all += ms;
      if (!inChain(name, index)) frozen += ms;
    }
  }
  return { label: "Frozen work", value: all > 0 ? formatPercent(frozen / all) : "–", note: frozen > 0 ? "of the time: may fill bubbles" : "no frozen components" };
}
