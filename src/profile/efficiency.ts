/** The FLOP/s that layers reach, against a large matrix product on the same device. */
import type { Distinct, Outcomes, PassOutcomes } from "./measureLayers";
import { passes, passFlops, passNames, type Pass } from "./passes";

/** Below this share of the reference product's FLOP/s a pass is looked at, where it takes at least this share of all time. */
const farBelow = 0.1;
const worthwhile = 0.02;

export interface Efficiency {
  readonly label: string;
  /** FLOP/s over those of the reference product. */
  readonly share: number;
  /** Of the time of all distinct passes at their largest batch. */
  readonly timeShare: number;
}

/** Each pass that was timed, at its largest batch, slowest first. @param referenceFlops FLOP/s of the reference product. */
export function efficiencies(layers: readonly Distinct[], outcomes: Outcomes, referenceFlops: number): readonly Efficiency[] {
  const found = layers.flatMap(({ key, label, layer }) =>
    passes.flatMap((pass) => {
      const [batch, ms] = largest(outcomes.get(key) ?? new Map(), pass);
      return ms > 0 ? [{ label: `${label} ${passNames[pass]}, batch ${batch}`, ms, share: (passFlops(layer, pass) * batch) / (ms / 1e3) / referenceFlops }] : [];
    }),
  );
  const total = found.reduce((sum, { ms }) => sum + ms, 0);
  return found.sort((a, b) => b.ms - a.ms).map(({ label, ms, share }) => ({ label, share, timeShare: ms / total }));
}

function largest(byBatch: ReadonlyMap<number, PassOutcomes>, pass: Pass): readonly [batch: number, ms: number] {
  let best: readonly [number, number] = [0, 0];
  for (const [batch, { [pass]: outcome }] of byBatch) {
    if (outcome?.status === "ok" && batch > best[0]) best = [batch, outcome.medianMs];
  }
  return best;
}

/** A bad graph should not pass for a slow device. */
export function poorGraphs(all: readonly Efficiency[]): string[] {
  const poor = all.filter(({ share, timeShare }) => share < farBelow && timeShare >= worthwhile);
  return poor.length === 0
    ? []
    : [`Far below the FLOP/s of a large matrix product (under ${100 * farBelow} %), so bound by memory or by their graphs: ${poor.map(({ label, share, timeShare }) => `${label} (${(100 * share).toFixed(1)} %, ${(100 * timeShare).toFixed(0)} % of the time)`).join("; ")}.`];
}
