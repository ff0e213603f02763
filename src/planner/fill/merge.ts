/** Fills that one call can do are written as one: shorter to read, and larger batches. */
import type { Fill } from "../../model/plan";

function isSameRange(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

function joined(last: Fill, next: Fill): Fill {
  return { ...last, samples: [last.samples[0], next.samples[1]] };
}

/**
 * Joins fills that stand before the same operation of a device: following layers of the same samples (what lies between the
 * two on the device is of other components, and the later layers wait for nothing but the earlier), and neighbouring samples
 * of the same layers where nothing lies between and `isOneCall` says that together they are no slower. Keeps the order of the
 * rest.
 */
export function mergeFills(fills: readonly Fill[], isOneCall: (joined: Fill) => boolean): readonly Fill[] {
  const merged: Fill[] = [];
  /** Per device and anchor, indices into `merged` in order. */
  const placed = new Map<string, number[]>();
  for (const fill of fills) {
    const { op, stage, microbatch } = fill.before;
    const key = `${fill.device} ${op} ${stage} ${microbatch}`;
    const here = placed.get(key) ?? [];
    placed.set(key, here);
    const own = here.findLast((index) => merged[index].component === fill.component);
    const last = own === undefined ? undefined : merged[own];
    if (own !== undefined && last && last.to === fill.from && isSameRange(last.samples, fill.samples)) {
      merged[own] = { ...last, to: fill.to };
    } else if (own !== undefined && last && own === here[here.length - 1] && last.from === fill.from && last.to === fill.to && last.samples[1] === fill.samples[0] && isOneCall(joined(last, fill))) {
      merged[own] = joined(last, fill);
    } else {
      here.push(merged.length);
      merged.push(fill);
    }
  }
  return merged;
}
