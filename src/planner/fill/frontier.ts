/** How far each frozen part has come for each sample, and the fills that it took. */
import type { Fill, FillAnchor } from "../../model/plan";
import type { Workload } from "../../model/workload";
import { split } from "../../plan/frozenWork";
import type { BatchCosts } from "./batches";

export interface Worker {
  readonly rank: number;
  readonly anchor: FillAnchor;
}

/** Layers before `layer` are done for all samples, `layer` itself for the first `done`. */
export interface Progress {
  layer: number;
  done: number;
  /** Per sample the rank that ran it last, or -1. */
  readonly place: Int32Array;
}

export class Frontier {
  readonly fills: Fill[] = [];
  readonly samples: number;
  readonly progress: readonly Progress[];

  constructor(
    private readonly workload: Workload,
    private readonly costs: BatchCosts,
    /** The samples to run, half-open. */
    private readonly range: readonly [number, number],
  ) {
    this.samples = range[1] - range[0];
    this.progress = workload.frozen.map(() => ({ layer: 0, done: 0, place: new Int32Array(this.samples).fill(-1) }));
  }

  /**
   * Ms that `part` takes from where it stands through layer `to` (exclusive) when split over `workers` devices: first what is
   * left of a layer that was begun, then whole layers.
   */
  wholeMs(part: number, to: number, workers: number): number {
    const { layer, done } = this.progress[part];
    if (to <= layer) return 0;
    const begun = done > 0 ? this.layerMs(part, layer, Math.ceil((this.samples - done) / workers)) : 0;
    const sums = this.costs.sums(part, Math.ceil(this.samples / workers));
    return begun + sums[to] - sums[done > 0 ? layer + 1 : layer];
  }

  layerMs(part: number, layer: number, samples: number): number {
    const sums = this.costs.sums(part, samples);
    return sums[layer + 1] - sums[layer];
  }

  /** Samples still to run of layer `layer`, were all layers before it done. */
  left(part: number, layer: number): number {
    return this.samples - (layer === this.progress[part].layer ? this.progress[part].done : 0);
  }

  /** Runs `part` through layer `to` (exclusive) for all samples. */
  takeWhole(part: number, to: number, workers: readonly Worker[]): void {
    const state = this.progress[part];
    if (to <= state.layer) return;
    if (state.done > 0) {
      this.run(part, state.layer, state.layer + 1, [state.done, this.samples], workers);
      state.layer++;
      state.done = 0;
    }
    if (to > state.layer) this.run(part, state.layer, to, [0, this.samples], workers);
    state.layer = to;
  }

  /** Runs the next layer of `part` for `count` more samples. */
  takePartial(part: number, count: number, workers: readonly Worker[]): void {
    const state = this.progress[part];
    this.run(part, state.layer, state.layer + 1, [state.done, state.done + count], workers);
    state.done += count;
    if (state.done >= this.samples) {
      state.layer++;
      state.done = 0;
    }
  }

  /** Splits samples over workers; each piece goes to the worker that already has most of it, so that little moves. */
  private run(part: number, from: number, to: number, samples: readonly [number, number], workers: readonly Worker[]): void {
    const { place } = this.progress[part];
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
