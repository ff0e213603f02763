/** Finds slices by what people call them: "mid.attention", "text_encoder", "F3", "mb 3", "send device 1", "idle". */
import type { LayerRef, Profile } from "../../model/profile";
import type { OperationName } from "../../model/program";
import type { TimelineOperation } from "../../model/timeline";
import { kindName } from "./describe";
import type { Placement, SlicePlace } from "./geometry";
import { operationTitle } from "./kinds";
import type { Layout, Slice } from "./lanes";
import { layerSequence } from "./layerSequence";

/** All of it must hold of a slice. */
export interface Query {
  /** A field that is there, at a value where one is given. */
  readonly numbers: readonly { readonly field: NumberField; readonly value?: number }[];
  /** "F3", "b": an operation by its letter. */
  readonly operations: readonly OperationName[];
  /** Quoted: a component, or a layer as "component/layer", by its whole name. */
  readonly names: readonly string[];
  /** Each in what the slice is called, or all the others together in the name of one of its layers. In lower case. */
  readonly words: readonly string[];
}

type NumberField = "microbatch" | "device" | "stage" | "iteration";

const fieldNames: Readonly<Record<string, NumberField>> = {
  mb: "microbatch", microbatch: "microbatch", "micro-batch": "microbatch", device: "device", dev: "device", gpu: "device", rank: "device", stage: "stage", iteration: "iteration",
};
const letters: Readonly<Record<string, OperationName>> = { f: "F", b: "B", i: "I", w: "W", r: "R", sc: "SELF_COND", fb: "OVERLAP_F_B" };

const quoted = /"([^"]*)"/g;
const numbered = new RegExp(`(?<=^|\\s)(${Object.keys(fieldNames).join("|")})(?:\\s*[:=]?\\s*(\\d+))?(?=\\s|$)`, "g");
const lettered = new RegExp(`(?<=^|\\s)(${Object.keys(letters).join("|")})(\\d+)?(?=\\s|$)`, "g");

export function parseQuery(text: string): Query {
  const numbers: { field: NumberField; value?: number }[] = [];
  const operations: OperationName[] = [];
  const names: string[] = [];
  const rest = text.toLowerCase()
    .replace(quoted, (_, name: string) => {
      if (name.trim() !== "") names.push(name.trim());
      return " ";
    })
    .replace(numbered, (_, name: string, value: string | undefined) => {
      numbers.push({ field: fieldNames[name], ...(value !== undefined && { value: Number(value) }) });
      return " ";
    })
    .replace(lettered, (_, letter: string, microbatch: string | undefined) => {
      operations.push(letters[letter]);
      if (microbatch !== undefined) numbers.push({ field: "microbatch", value: Number(microbatch) });
      return " ";
    });
  return { numbers, operations, names, words: rest.split(/\s+/).filter((word) => word !== "") };
}

export function isEmpty({ numbers, operations, names, words }: Query): boolean {
  return numbers.length + operations.length + names.length + words.length === 0;
}

/** What a search found: in the order of time, and by row for drawing. */
export interface Found {
  readonly places: readonly SlicePlace[];
  /** `[lane][row]`: indices of slices, ascending. */
  readonly rows: readonly (readonly (readonly number[])[])[];
}

/** Slices of the lanes shown that a query names; nothing where it is empty. */
export function findSlices(text: string, placement: Placement, layouts: readonly Layout[], profile: Profile): Found {
  const query = parseQuery(text);
  if (isEmpty(query)) return { places: [], rows: [] };
  const matchers = layouts.map((layout) => new Matcher(query, layout, profile));
  const timed: { readonly startMs: number; readonly place: SlicePlace }[] = [];
  const rows = placement.lanes.map(({ lane, layout }, l) =>
    lane.rows.map((row, r) => {
      const found: number[] = [];
      for (let s = 0; s < row.length; s++) {
        if (!matchers[layout].matches(row[s], lane.device)) continue;
        found.push(s);
        timed.push({ startMs: row[s].startMs, place: { lane: l, row: r, slice: s } });
      }
      return found;
    }),
  );
  // Sorting is stable: what starts at once stays from top to bottom.
  return { places: timed.sort((a, b) => a.startMs - b.startMs).map(({ place }) => place), rows };
}

/** How many slices a query names in lanes that are folded away. */
export function countFolded(text: string, placement: Placement, layouts: readonly Layout[], profile: Profile): number {
  const query = parseQuery(text);
  if (isEmpty(query)) return 0;
  const shown = new Set(placement.lanes.map(({ lane }) => lane));
  let count = 0;
  for (const layout of layouts) {
    const matcher = new Matcher(query, layout, profile);
    for (const lane of layout.lanes) {
      if (shown.has(lane)) continue;
      for (const row of lane.rows) for (const slice of row) if (matcher.matches(slice, lane.device)) count++;
    }
  }
  return count;
}

/** Which of the places comes next (1) or before (-1), around the ends; `from` need not be one of them. Undefined where there is none. */
export function stepThrough(places: readonly SlicePlace[], placement: Placement, from: SlicePlace | undefined, step: 1 | -1): number | undefined {
  if (places.length === 0) return undefined;
  if (!from) return step > 0 ? 0 : places.length - 1;
  const after = places.findIndex((place) => comparePlaces(placement, place, from) > 0);
  if (step > 0) return Math.max(after, 0);
  const notBefore = places.findIndex((place) => comparePlaces(placement, place, from) >= 0);
  return notBefore <= 0 ? places.length - 1 : notBefore - 1;
}

export function isSamePlace(a: SlicePlace, b: SlicePlace): boolean {
  return a.lane === b.lane && a.row === b.row && a.slice === b.slice;
}

/** By time, then from top to bottom. */
function comparePlaces({ lanes }: Placement, a: SlicePlace, b: SlicePlace): number {
  const start = (place: SlicePlace) => lanes[place.lane]?.lane.rows[place.row]?.[place.slice]?.startMs ?? 0;
  return start(a) - start(b) || a.lane - b.lane || a.row - b.row || a.slice - b.slice;
}

/** A query held against the slices of one layout. Of many thousands of slices few differ in what their words are held against, so that is kept. */
class Matcher {
  private readonly left = new Map<string, readonly string[]>();
  private readonly hits = new Map<readonly LayerRef[], Map<string, Int32Array>>();

  constructor(private readonly query: Query, private readonly layout: Layout, private readonly profile: Profile) {}

  matches(slice: Slice, device: number): boolean {
    const { operations, numbers, names } = this.query;
    const operation = slice.index === undefined ? undefined : this.layout.timeline.operations[slice.index];
    const valueOf = (field: NumberField) => (field === "device" ? device : operation?.[field]);
    if (!operations.every((op) => operation?.op === op)) return false;
    if (!numbers.every(({ field, value }) => (value === undefined ? valueOf(field) !== undefined : valueOf(field) === value))) return false;
    if (!names.every((name) => operation?.component?.toLowerCase() === name || this.hasLayer(operation, `"${name}`, ({ component, layer }) => [component, `${component}/${layer}`].some((whole) => whole.toLowerCase() === name)))) return false;
    const left = this.wordsLeft(operation, slice, device);
    return left.length === 0 || this.hasLayer(operation, left.join(" "), ({ component, layer }) => left.every((word) => `${component}/${layer}`.toLowerCase().includes(word)));
  }

  /** The words that are not in what the slice itself is called. */
  private wordsLeft(operation: TimelineOperation | undefined, slice: Slice, device: number): readonly string[] {
    if (this.query.words.length === 0) return this.query.words;
    const key = `${operation?.op} ${operation?.component} ${operation?.chain} ${operation?.channel} ${device} ${slice.servesNext}`;
    let left = this.left.get(key);
    if (!left) {
      const called = calling(operation, slice, kindName(this.layout.timeline, device));
      this.left.set(key, (left = this.query.words.filter((word) => !called.includes(word))));
    }
    return left;
  }

  /** Whether one of the layers that the operation computes is meant. `key` names the question. */
  private hasLayer(operation: TimelineOperation | undefined, key: string, isMeant: (layer: LayerRef) => boolean): boolean {
    if (!operation?.layers) return false;
    const sequence = layerSequence(this.profile, operation);
    const bySequence = this.hits.get(sequence) ?? new Map<string, Int32Array>();
    this.hits.set(sequence, bySequence);
    let before = bySequence.get(key);
    if (!before) {
      before = new Int32Array(sequence.length + 1);
      for (let i = 0; i < sequence.length; i++) before[i + 1] = before[i] + Number(isMeant(sequence[i]));
      bySequence.set(key, before);
    }
    const at = (layer: number) => before[Math.max(0, Math.min(layer, sequence.length))];
    return at(operation.layers[1]) > at(operation.layers[0]);
  }
}

function calling(operation: TimelineOperation | undefined, slice: Slice, kind: string): string {
  if (!operation) return `idle bubble ${kind}`.toLowerCase();
  const { op, component = "", chain = "", channel = "" } = operation;
  // What travels on a pass's channel is no pass: "forward" finds the passes.
  const carried = channel === "forward" || channel === "backward" ? "" : channel;
  return `${operationTitle(op)} ${op} ${component} ${chain} ${carried} ${slice.servesNext ? "next iteration" : ""} ${kind}`.toLowerCase();
}
