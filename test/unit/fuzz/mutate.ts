/** Random changes to JSON and to bytes, from a seed, so that a failing case can be had again. */

export type Random = () => number;

/** Numbers in [0, 1): mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)];

const deep = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));

const strange: readonly unknown[] = [
  null, true, false, 0, -1, 1, 2, 3, 5, 7, 1e9, 1e308, -1e308, 0.5, 1e-300, 2 ** 31, 2 ** 53, 2 ** 53 + 2, "", "relu", "x".repeat(10_000), "\u0000", "__proto__",
  [], {}, [[]], [null], { a: 1 }, new Array(1000).fill(1), deep(500),
];

type Json = Record<string, unknown> | unknown[];

const isContainer = (value: unknown): value is Json => typeof value === "object" && value !== null;

/** A copy with one to four changes: a value replaced, scaled, removed, doubled, or moved to another key. */
export function mutated(random: Random, value: Json): Json {
  const copy = structuredClone(value);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) change(random, copy);
  return copy;
}

function change(random: Random, root: Json): void {
  let place: Json = root;
  let key = pick(random, Object.keys(place));
  while (key !== undefined && random() < 0.6) {
    const inner: unknown = (place as Record<string, unknown>)[key];
    if (!isContainer(inner) || Object.keys(inner).length === 0) break;
    place = inner;
    key = pick(random, Object.keys(place));
  }
  if (key === undefined) return;
  const slot = place as Record<string, unknown>;
  const old = slot[key];
  const kind = random();
  if (kind < 0.45) slot[key] = structuredClone(pick(random, strange));
  else if (kind < 0.6 && typeof old === "number") slot[key] = old * pick(random, [2, 3, 0.5, -1, 100, 1e6]);
  else if (kind < 0.7 && Array.isArray(place)) place.splice(Number(key), 1);
  else if (kind < 0.7) delete slot[key];
  else if (kind < 0.8 && Array.isArray(old)) old.push(...(structuredClone(old) as unknown[]).slice(0, 50));
  else if (kind < 0.9) slot[pick(random, Object.keys(slot))] = old;
  else slot[`${key}_`] = old;
}

/** A copy with bytes flipped, overwritten, cut off, removed, or a run of them repeated. */
export function mutatedBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let copy = Uint8Array.from(bytes);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0 && copy.length > 0; changes--) {
    const at = Math.floor(random() * copy.length);
    const length = Math.min(copy.length - at, 1 + Math.floor(random() * 16));
    const kind = random();
    if (kind < 0.3) copy[at] ^= 1 << Math.floor(random() * 8);
    else if (kind < 0.5) copy.fill(pick(random, [0, 0xff, 0x80, 0x7f]), at, at + length);
    else if (kind < 0.6) copy = copy.slice(0, at);
    else if (kind < 0.8) copy = new Uint8Array(Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]));
    else copy = new Uint8Array(Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]));
  }
  return copy;
}
