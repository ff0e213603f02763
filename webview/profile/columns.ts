/** The columns of the profile table: what stands in them and how rows are sorted by them. */

/** What rows are compared by; times in ms of a pass or of a sample. Undefined where there is none. */
export interface Figures {
  /** In the model. */
  readonly order: number;
  readonly name: string;
  readonly forward?: number;
  readonly inputGrad?: number;
  readonly weightGrad?: number;
  /** F + I + W. */
  readonly total?: number;
  readonly spread?: number;
  /** FLOP/s of the forward pass. */
  readonly rate?: number;
  /** Bytes. */
  readonly parameters: number;
  /** Bytes per sample, kept for the backward pass. */
  readonly saved: number;
  /** Layers that share the measurement. */
  readonly shared?: number;
}

export type ColumnId = keyof Figures;

export interface Sorting {
  readonly column: ColumnId;
  readonly descending: boolean;
}

interface ColumnInfo {
  readonly title: string;
  /** In words. */
  readonly explained: string;
}

/** In the order of the table. */
export const columns: Readonly<Record<ColumnId, ColumnInfo>> = {
  order: { title: "#", explained: "Place in the model" },
  name: { title: "Layer", explained: "Name" },
  total: { title: "Total", explained: "F + I + W, in ms" },
  forward: { title: "F", explained: "Forward pass, in ms" },
  inputGrad: { title: "I", explained: "Gradient of the input, in ms" },
  weightGrad: { title: "W", explained: "Gradient of the weights, in ms" },
  spread: { title: "±", explained: "Spread of the measured times, in ms" },
  rate: { title: "FLOP/s", explained: "FLOPs of the forward pass over its time" },
  parameters: { title: "Parameters", explained: "Bytes of the parameters" },
  saved: { title: "Saved", explained: "Bytes per sample kept for the backward pass" },
  shared: { title: "Equal", explained: "Layers that do the same work and share the measurement" },
};

export const columnIds = Object.keys(columns) as readonly ColumnId[];

/** Names and places from their start, figures from the largest. */
export function sortedFirst(column: ColumnId): Sorting {
  return { column, descending: column !== "order" && column !== "name" };
}

const collator = new Intl.Collator("en", { numeric: true });

/** What has no figure comes last either way; equals stay in the order of the model. */
export function comparing({ column, descending }: Sorting): (a: { readonly figures: Figures }, b: { readonly figures: Figures }) => number {
  return ({ figures: a }, { figures: b }) => {
    const [left, right] = [a[column], b[column]];
    if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined) || a.order - b.order;
    const difference = typeof left === "string" || typeof right === "string" ? collator.compare(String(left), String(right)) : left - right;
    return (descending ? -difference : difference) || a.order - b.order;
  };
}
