/** The rows of the profile table, as data: components and layers with their figures at one batch size, found, sorted and summed. */
import { batchesOf, figuresAt, sumOfTimes, type LayerFigures, type PassTimes } from "../../src/model/layerFigures";
import { sharing } from "../../src/model/measured";
import type { Profile, ProfileComponent, ProfileLayer } from "../../src/model/profile";
import { hasAll, wordsOf } from "../table/search";
import type { TableRow } from "../table/treeTable";
import { comparing, type Figures, type Sorting } from "./columns";
import { isComputed } from "./origin";

/** Times of a whole pass, or divided by its batch. */
export type Unit = "pass" | "sample";

interface Placed extends TableRow {
  /** Among its siblings, from 1. */
  readonly position: number;
  readonly siblings: number;
  readonly component: ProfileComponent;
  readonly figures: Figures;
}

export interface LayerRow extends Placed {
  readonly kind: "layer";
  readonly layer: ProfileLayer;
  readonly at: LayerFigures;
}

/** Layers together. */
export interface Sum {
  readonly figures: Figures;
  readonly layers: readonly ProfileLayer[];
  /** How many have no time at this batch size because they failed. */
  readonly failed: number;
  /** Whether any time in it was not measured at this batch size. */
  readonly computed: { readonly forward: boolean; readonly gradients: boolean };
}

export interface ComponentRow extends Placed, Sum {
  readonly kind: "component";
  readonly expanded: boolean;
}

export type Row = ComponentRow | LayerRow;

export interface Arrangement {
  readonly batch: number;
  readonly unit: Unit;
  readonly sorting: Sorting;
  /** Whether layers stand under their components. */
  readonly grouped: boolean;
  /** Components whose layers are not shown. */
  readonly collapsed: ReadonlySet<string>;
  /** Words that a layer's component and name must all have in them; empty for no search. */
  readonly query: string;
}

export interface RowList {
  readonly rows: readonly Row[];
  /** Of the layers that were found. */
  readonly all: Sum;
  /** Layers that the search found, and all there are. */
  readonly found: number;
  readonly total: number;
  /** The longest layer found, F + I + W; 0 where none has a time. */
  readonly longest: number;
}

export const layerKey = (component: string, layer: string) => `${component}/${layer}`;

/** Figures of every layer in the order of the model, kept for the arrangements to come. */
export class ProfileRows {
  readonly batches: readonly number[];
  private readonly shared: (layer: ProfileLayer) => number;
  private known?: { readonly batch: number; readonly unit: Unit; readonly rows: readonly LayerRow[] };

  constructor(readonly profile: Profile) {
    this.batches = batchesOf(profile);
    this.shared = sharing(profile);
  }

  /** While something is searched for, every match is shown. */
  arrange({ batch, unit, sorting, grouped, collapsed, query }: Arrangement): RowList {
    const words = wordsOf(query);
    const every = this.layers(batch, unit);
    const found = words.length === 0 ? every : every.filter(({ component, layer }) => hasAll(`${component.name} ${layer.name}`, words));
    const compare = comparing(sorting);
    const sorted = [...found].sort(compare);
    const place = (rows: readonly LayerRow[], level: number) => rows.map((row, index): Row => ({ ...row, level, position: index + 1, siblings: rows.length }));
    const all = sumOf("", 0, found, batch, unit);
    const list = { all, found: found.length, total: every.length, longest: found.reduce((most, { figures }) => Math.max(most, figures.total ?? 0), 0) };
    if (!grouped) return { ...list, rows: place(sorted, 1) };
    const heads = this.profile.components.flatMap((component, index) => {
      const layers = sorted.filter((row) => row.component === component);
      return layers.length === 0 ? [] : [{ component, layers, sum: sumOf(component.name, index, layers, batch, unit) }];
    }).sort((a, b) => compare(a.sum, b.sum));
    return {
      ...list,
      rows: heads.flatMap(({ component, layers, sum }, index): Row[] => {
        const expanded = words.length > 0 || !collapsed.has(component.name);
        const head: Row = { ...sum, kind: "component", key: component.name, level: 1, position: index + 1, siblings: heads.length, component, expanded };
        return [head, ...(expanded ? place(layers, 2) : [])];
      }),
    };
  }

  private layers(batch: number, unit: Unit): readonly LayerRow[] {
    if (this.known?.batch === batch && this.known.unit === unit) return this.known.rows;
    let order = 0;
    const rows = this.profile.components.flatMap((component) => component.layers.map((layer): LayerRow => {
      const at = figuresAt(layer, batch);
      const figures = { order: order++, name: layer.name, ...timesIn(at.ms, batch, unit), spread: inUnit(at.spreadMs, batch, unit), rate: at.flopsPerSecond, parameters: layer.paramBytes, saved: savedBytes(layer), shared: this.shared(layer) };
      return { kind: "layer", key: layerKey(component.name, layer.name), level: 2, position: 1, siblings: 1, component, layer, at, figures };
    }));
    this.known = { batch, unit, rows };
    return rows;
  }
}

function sumOf(name: string, order: number, rows: readonly LayerRow[], batch: number, unit: Unit): Sum {
  const timed = rows.filter(({ at }) => at.ms !== undefined);
  const ms = timed.length > 0 ? sumOfTimes(timed.map(({ at }) => at.ms)) : undefined;
  const flops = timed.reduce((sum, { layer }) => sum + (layer.flopsPerSample ?? 0), 0);
  const layers = rows.map(({ layer }) => layer);
  const total = (of: (layer: ProfileLayer) => number) => layers.reduce((sum, layer) => sum + of(layer), 0);
  return {
    layers,
    failed: rows.length - timed.length,
    computed: { forward: timed.some(({ at }) => isComputed(at.origin)), gradients: timed.some(({ at }) => isComputed(at.gradOrigin)) },
    figures: { order, name, ...timesIn(ms, batch, unit), rate: ms && flops > 0 && ms.forward > 0 ? (flops * batch * 1000) / ms.forward : undefined, parameters: total(({ paramBytes }) => paramBytes), saved: total(savedBytes) },
  };
}

function timesIn(ms: PassTimes | undefined, batch: number, unit: Unit): Pick<Figures, "forward" | "inputGrad" | "weightGrad" | "total"> {
  return { forward: inUnit(ms?.forward, batch, unit), inputGrad: inUnit(ms?.inputGrad, batch, unit), weightGrad: inUnit(ms?.weightGrad, batch, unit), total: inUnit(ms?.total, batch, unit) };
}

function inUnit(ms: number | undefined, batch: number, unit: Unit): number | undefined {
  return ms === undefined || unit === "pass" ? ms : ms / batch;
}

function savedBytes({ savedBytesPerSample: saved }: ProfileLayer): number {
  return saved.untilInputGrad + saved.untilWeightGrad;
}

/** The layers that a row stands for. */
export function layersOf(row: Row): readonly ProfileLayer[] {
  return row.kind === "layer" ? [row.layer] : row.layers;
}
