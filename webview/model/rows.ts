/** The rows of the tree-table, as data: components, runs of equal layers, layers. Which of them are there follows from what is open and searched. */
import type { InspectedComponent, InspectedLayer, Inspection } from "../../src/model/inspection";
import { hasAll, wordsOf } from "../table/search";
import type { TableRow } from "../table/treeTable";

interface Placed extends TableRow {
  /** Among its siblings, from 1. */
  readonly position: number;
  readonly siblings: number;
  readonly component: InspectedComponent;
}

export interface ComponentRow extends Placed {
  readonly kind: "component";
  readonly expanded: boolean;
}

/** Layers one after the other that do the same work. */
export interface RepeatRow extends Placed {
  readonly kind: "repeat";
  readonly expanded: boolean;
  readonly layers: readonly InspectedLayer[];
}

export interface LayerRow extends Placed {
  readonly kind: "layer";
  readonly layer: InspectedLayer;
}

export type Row = ComponentRow | RepeatRow | LayerRow;

export interface Arrangement {
  /** Components whose layers are not shown. */
  readonly collapsed: ReadonlySet<string>;
  /** Whether equal layers in a row are one row. */
  readonly grouped: boolean;
  /** Keys of the repeat rows whose layers are shown. */
  readonly opened: ReadonlySet<string>;
  /** Words that a layer's component, name or kind must all have in them; empty for no search. */
  readonly query: string;
}

export interface RowList {
  readonly rows: readonly Row[];
  /** Layers that the search found, and all there are. */
  readonly found: number;
  readonly total: number;
}

export const layerKey = (component: string, layer: string) => `${component}/${layer}`;

/** While something is searched for, every match is shown and nothing is grouped. */
export function rowsOf({ components }: Inspection, { collapsed, grouped, opened, query }: Arrangement): RowList {
  const words = wordsOf(query);
  const total = components.reduce((sum, { layers }) => sum + layers.length, 0);
  const shown = words.length === 0 ? components.map((component) => ({ component, layers: component.layers })) : matches(components, words);
  const rows = shown.flatMap(({ component, layers }, index): Row[] => {
    const expanded = words.length > 0 || !collapsed.has(component.name);
    const head: Row = { kind: "component", key: component.name, level: 1, position: index + 1, siblings: shown.length, component, expanded };
    if (!expanded) return [head];
    return [head, ...layerRows(component, grouped && words.length === 0 ? runsOfEqual(layers) : layers.map((layer) => [layer]), opened)];
  });
  return { rows, found: words.length === 0 ? total : shown.reduce((sum, { layers }) => sum + layers.length, 0), total };
}

function matches(components: readonly InspectedComponent[], words: readonly string[]) {
  return components
    .map((component) => ({ component, layers: component.layers.filter((layer) => hasAll(`${component.name} ${layer.name} ${layer.kind}`, words)) }))
    .filter(({ layers }) => layers.length > 0);
}

function layerRows(component: InspectedComponent, runs: readonly (readonly InspectedLayer[])[], opened: ReadonlySet<string>): readonly Row[] {
  return runs.flatMap((layers, index): Row[] => {
    const place = { component, position: index + 1, siblings: runs.length };
    const [first] = layers;
    if (layers.length === 1) return [{ kind: "layer", key: layerKey(component.name, first.name), level: 2, ...place, layer: first }];
    const key = `${layerKey(component.name, first.name)}×`;
    const expanded = opened.has(key);
    const inside = layers.map((layer, inner): Row => ({ kind: "layer", key: layerKey(component.name, layer.name), level: 3, position: inner + 1, siblings: layers.length, component, layer }));
    return [{ kind: "repeat", key, level: 2, ...place, expanded, layers }, ...(expanded ? inside : [])];
  });
}

/** Layers are equal when they are measured once for all: one signature, the same gradients. */
function runsOfEqual(layers: readonly InspectedLayer[]): readonly (readonly InspectedLayer[])[] {
  const runs: InspectedLayer[][] = [];
  for (const layer of layers) {
    const run = runs.at(-1);
    if (run && isEqual(run[0], layer)) run.push(layer);
    else runs.push([layer]);
  }
  return runs;
}

function isEqual(a: InspectedLayer, b: InspectedLayer): boolean {
  return a.signature === b.signature && a.kind === b.kind && a.needsInputGrad === b.needsInputGrad && a.needsWeightGrad === b.needsWeightGrad;
}

/** The layers that a row stands for. */
export function layersOf(row: Row): readonly InspectedLayer[] {
  switch (row.kind) {
    case "component":
      return row.component.layers;
    case "repeat":
      return row.layers;
    case "layer":
      return [row.layer];
  }
}

/** "layers.0 … layers.22". */
export function nameOf(row: Row): string {
  switch (row.kind) {
    case "component":
      return row.component.name;
    case "repeat":
      return `${row.layers[0].name} … ${row.layers[row.layers.length - 1].name}`;
    case "layer":
      return row.layer.name;
  }
}
