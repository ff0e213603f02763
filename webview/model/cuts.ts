/** Where a model is cheap to cut: what lives across the cut after each layer, and which cuts move little for where they are. */
import type { Inspection, InspectedLayer } from "../../src/model/inspection";
import type { LayerRef, Tensor } from "../../src/model/profile";

/** The cut right after a layer. */
export interface LayerCut {
  /** Bytes per sample. */
  readonly forward: number;
  readonly backward: number;
  /** The most that crosses any cut of the same run of layers, in one direction: what bars are drawn against. */
  readonly most: number;
  /** The cheapest near a place where a stage may well end; see `cheapest`. Only cuts of chains are marked. */
  readonly isCheap: boolean;
  /** After the last layer of a chain or of a component outside chains, where nothing is cut. */
  readonly isEnd: boolean;
}

/** A run of layers that one pipeline, or frozen work, executes in order. */
interface Run {
  readonly isChain: boolean;
  readonly layers: readonly { readonly ref: LayerRef; readonly layer: InspectedLayer }[];
}

/** A chain is looked at in so many parts of equal FLOPs. */
const parts = 8;

export const keyOf = ({ component, layer }: LayerRef) => `${component}/${layer}`;

/** For one sample; some tensors are as large for any number of samples. */
export const bytesOf = ({ bytesPerSample, bytesFixed = 0 }: Tensor) => bytesPerSample + bytesFixed;

export class Cuts {
  private readonly places = new Map<string, { readonly run: Run; readonly index: number }>();
  private readonly cuts = new Map<string, LayerCut>();
  private readonly spans = new Map<Run, readonly Span[]>();

  constructor(private readonly inspection: Inspection) {
    for (const run of runsOf(inspection)) {
      const totals = run.layers.slice(0, -1).map(({ layer: { cutBytesPerSample: cut } }) => cut.forward + cut.backward);
      const cheap = run.isChain ? cheapest(totals, run.layers.map(({ layer }) => layer.flopsPerSample)) : new Set<number>();
      const most = run.layers.reduce((bytes, { layer: { cutBytesPerSample: cut } }) => Math.max(bytes, cut.forward, cut.backward), 0);
      run.layers.forEach(({ ref, layer }, index) => {
        this.places.set(keyOf(ref), { run, index });
        this.cuts.set(keyOf(ref), { ...layer.cutBytesPerSample, most, isCheap: cheap.has(index), isEnd: index === run.layers.length - 1 });
      });
    }
  }

  after(ref: LayerRef): LayerCut | undefined {
    return this.cuts.get(keyOf(ref));
  }

  /** Tensors made at or before the cut after a layer and used beyond it, the largest first. */
  crossing(ref: LayerRef): readonly Tensor[] {
    const place = this.places.get(keyOf(ref));
    if (!place) return [];
    const { run, index } = place;
    let spans = this.spans.get(run);
    if (!spans) this.spans.set(run, (spans = spansOf(run, this.inspection.tensors, this.places)));
    return spans.filter(({ from, until }) => from <= index && index < until).map(({ tensor }) => tensor).sort((a, b) => bytesOf(b) - bytesOf(a));
  }
}

/** The chains, then of each component the layers that are in none. */
function runsOf({ chains, components }: Inspection): readonly Run[] {
  const byName = new Map(components.map((component) => [component.name, component]));
  const entries = (name: string, from: number, to: number) => (byName.get(name)?.layers ?? []).slice(from, to).map((layer) => ({ ref: { component: name, layer: layer.name }, layer }));
  const chained = chains.map(({ segments }): Run => ({ isChain: true, layers: segments.flatMap(({ component, from, to }) => entries(component, from, to)) }));
  const taken = new Set(chained.flatMap(({ layers }) => layers.map(({ ref }) => keyOf(ref))));
  const others = components.map(({ name, layers }): Run => ({ isChain: false, layers: entries(name, 0, layers.length).filter(({ ref }) => !taken.has(keyOf(ref))) }));
  return [...chained, ...others].filter(({ layers }) => layers.length > 0);
}

interface Span {
  readonly tensor: Tensor;
  /** The cuts that it crosses: from the one after its producer up to, not with, the one after its last consumer. */
  readonly from: number;
  readonly until: number;
}

/** What is used outside the run crosses all that is left of it. */
function spansOf(run: Run, tensors: readonly Tensor[], places: ReadonlyMap<string, { readonly run: Run; readonly index: number }>): readonly Span[] {
  const indexIn = (ref: LayerRef) => {
    const place = places.get(keyOf(ref));
    return place?.run === run ? place.index : undefined;
  };
  return tensors.flatMap((tensor) => {
    const from = indexIn(tensor.producer);
    return from === undefined ? [] : [{ tensor, from, until: tensor.consumers.reduce((until, consumer) => Math.max(until, indexIn(consumer) ?? run.layers.length), from) }];
  });
}

/**
 * Near each eighth of the chain's FLOPs, where stages of equal work would end, the cut that moves the fewest bytes; of
 * equals the one nearest to it. None where nothing is cheaper than anything else.
 * @param bytes Of the cut after each layer but the last. @param flops Of each layer.
 */
export function cheapest(bytes: readonly number[], flops: readonly number[]): ReadonlySet<number> {
  let sum = 0;
  const before = flops.map((value) => (sum += value));
  const found = new Set<number>();
  if (bytes.every((value) => value === bytes[0])) return found;
  for (let part = 1; part < parts; part++) {
    const ideal = (part / parts) * sum;
    const distance = (cut: number) => Math.abs(before[cut] - ideal);
    const near = bytes.flatMap((_, cut) => (distance(cut) <= sum / parts / 2 ? [cut] : []));
    if (near.length > 0) found.add(near.reduce((best, cut) => (bytes[cut] < bytes[best] || (bytes[cut] === bytes[best] && distance(cut) < distance(best)) ? cut : best)));
  }
  return found;
}
