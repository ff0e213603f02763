/** How far each frozen part has come for each sample, and the fills that it took. */
import type { Fill, FillAnchor, Range } from "../../model/plan";
import type { Workload } from "../../model/workload";
import { split } from "../../plan/frozenWork";
import type { BatchCosts } from "./batches";
import type { Room } from "./greedy";

export interface Worker {
  readonly rank: number;
  readonly anchor: FillAnchor;
}

/**
 * Where a part stands. Its samples are run in lots, one after another through all layers: more than one lot is never in between,
 * so that no more activations than its own are held. Positions count layers from the first lot's layer 0 on, through all lots.
 */
interface Progress {
  /** Samples before it are through. */
  from: number;
  /** Those that follow, as far as lots were made of them; only the first may be begun. */
  lots: readonly Range[];
  /** Layers of the first lot before `layer` are done, `layer` itself for the first `done` samples. */
  layer: number;
  done: number;
  /** Per sample the rank that ran it last, or -1. */
  readonly place: Int32Array;
  /** First samples of lots that were begun. */
  readonly starts: Set<number>;
}

export class Frontier {
  readonly fills: Fill[] = [];
  readonly samples: number;
  private readonly progress: readonly Progress[];

  constructor(
    private readonly workload: Workload,
    private readonly costs: BatchCosts,
    /** The samples to run, half-open. */
    private readonly range: Range,
  ) {
    this.samples = range[1] - range[0];
    this.progress = workload.frozen.map(() => ({ from: 0, lots: [], layer: 0, done: 0, place: new Int32Array(this.samples).fill(-1), starts: new Set<number>() }));
  }

  /** From now on each part's samples that have not begun go in lots of at most so many; none begin where that is below 1. */
  cutLots(most: readonly number[]): void {
    this.progress.forEach((state, part) => {
      const begun = this.isBegun(part) ? state.lots.slice(0, 1) : [];
      const rest: Range = [begun.length > 0 ? begun[0][1] : state.from, this.samples];
      const count = most[part] < 1 ? 0 : Math.max(1, Math.ceil(sizeOf(rest) / most[part]));
      state.lots = [...begun, ...split(rest, count).flatMap((lot) => (lot ? [lot] : []))];
    });
  }

  /** The position at which a part stands. */
  position(part: number): number {
    return this.progress[part].layer;
  }

  /** The position at which all lots of a part are through. */
  end(part: number): number {
    return this.progress[part].lots.length * this.workload.frozen[part].to;
  }

  /** Whether a part is through for all samples once it stands at `position`. */
  isThrough(part: number, position: number): boolean {
    const { lots, from } = this.progress[part];
    return position >= this.end(part) && (lots.length > 0 ? lots[lots.length - 1][1] : from) === this.samples;
  }

  isBegun(part: number): boolean {
    return this.progress[part].layer > 0 || this.progress[part].done > 0;
  }

  /** Whether samples (as in fills) of a part were run in one lot. */
  isOneLot(part: number, [from, to]: Range): boolean {
    for (const start of this.progress[part].starts) if (from < start + this.range[0] && start + this.range[0] < to) return false;
    return true;
  }

  /**
   * Ms that `part` takes from where it stands to position `to` when split over `workers` devices: first what is left of a layer
   * that was begun, then whole layers.
   */
  wholeMs(part: number, to: number, workers: number): number {
    const { layer, done, lots } = this.progress[part];
    if (to <= layer) return 0;
    const layers = this.workload.frozen[part].to;
    const begun = done > 0 ? this.layerMs(part, layer, Math.ceil((sizeOf(lots[0]) - done) / workers)) : 0;
    let ms = begun;
    for (let lot = 0, first = done > 0 ? layer + 1 : layer; lot * layers < to; lot++, first = 0) {
      const sums = this.costs.sums(part, Math.ceil(sizeOf(lots[lot]) / workers));
      ms += sums[Math.min(layers, to - lot * layers)] - sums[first];
    }
    return ms;
  }

  /** Ms of the layer at `position`. */
  layerMs(part: number, position: number, samples: number): number {
    const layer = position % this.workload.frozen[part].to;
    const sums = this.costs.sums(part, samples);
    return sums[layer + 1] - sums[layer];
  }

  /** Samples still to run of the layer at `position`, were all before it done. */
  left(part: number, position: number): number {
    const { layer, done, lots } = this.progress[part];
    return sizeOf(lots[Math.floor(position / this.workload.frozen[part].to)]) - (position === layer ? done : 0);
  }

  /** Whether a device has room for `part` from one position to another, whichever samples of its lots it runs. */
  isAllowed(part: number, to: number, room: Room, from = this.position(part)): boolean {
    const { lots } = this.progress[part];
    const layers = this.workload.frozen[part].to;
    for (let lot = Math.floor(from / layers); lot * layers < to; lot++) {
      const [first, last] = [Math.max(0, from - lot * layers), Math.min(layers, to - lot * layers)];
      if (first < last && !room.allows(first, last, sizeOf(lots[lot]))) return false;
    }
    return true;
  }

  /** Runs `part` up to position `to`. */
  takeWhole(part: number, to: number, workers: readonly Worker[]): void {
    const state = this.progress[part];
    const layers = this.workload.frozen[part].to;
    for (let left = to - state.layer; left > 0; ) {
      const [lot] = state.lots;
      const until = state.done > 0 ? state.layer + 1 : Math.min(layers, state.layer + left);
      this.run(part, state.layer, until, [lot[0] + state.done, lot[1]], workers);
      left -= until - state.layer;
      this.moveTo(part, until, 0);
    }
  }

  /** Runs the next layer of `part` for `count` more samples. */
  takePartial(part: number, count: number, workers: readonly Worker[]): void {
    const { layer, done, lots } = this.progress[part];
    this.run(part, layer, layer + 1, [lots[0][0] + done, lots[0][0] + done + count], workers);
    if (done + count < sizeOf(lots[0])) this.moveTo(part, layer, done + count);
    else this.moveTo(part, layer + 1, 0);
  }

  private moveTo(part: number, layer: number, done: number): void {
    const state = this.progress[part];
    const isThrough = layer === this.workload.frozen[part].to;
    state.layer = isThrough ? 0 : layer;
    state.done = done;
    if (!isThrough) return;
    state.from = state.lots[0][1];
    state.lots = state.lots.slice(1);
  }

  /** Splits samples over workers; each piece goes to the worker that already has most of it, so that little moves. */
  private run(part: number, from: number, to: number, samples: Range, workers: readonly Worker[]): void {
    const { place, lots, starts } = this.progress[part];
    starts.add(lots[0][0]);
    const free = [...workers];
    for (const piece of split(samples, workers.length)) {
      if (!piece) continue;
      const held = (worker: Worker) => place.subarray(piece[0], piece[1]).reduce((count, rank) => count + (rank === worker.rank ? 1 : 0), 0);
      const worker = free.reduce((best, candidate) => (held(candidate) > held(best) ? candidate : best));
      free.splice(free.indexOf(worker), 1);
      place.fill(worker.rank, piece[0], piece[1]);
      for (const call of split(piece, this.costs.calls(part, piece[1] - piece[0]))) {
        if (call) this.fills.push({ component: this.workload.frozen[part].component, from, to, samples: [call[0] + this.range[0], call[1] + this.range[0]], device: worker.rank, before: worker.anchor });
      }
    }
  }
}

function sizeOf([from, to]: Range): number {
  return to - from;
}
