/** The few statistics that measuring needs. */

/** Linear interpolation between order statistics; `share` in [0, 1]. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error("No values.");
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * Half the width of the 95 % confidence interval of the median, from order statistics: of n values those of ranks n/2 -+ 0.98 sqrt(n)
 * (the normal approximation of the binomial). Below six values it is the whole range, which then holds the median in less than 95 %
 * of cases (five values: 94 %, three: 75 %).
 */
export function medianHalfWidth(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const reach = 0.98 * Math.sqrt(sorted.length);
  const low = Math.max(0, Math.floor(sorted.length / 2 - reach));
  const high = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + reach) - 1);
  return (sorted[Math.max(high, low)]! - sorted[low]!) / 2;
}

export interface Round {
  readonly ms: number;
  /** The part of the round's time in which the process really had its core, in [0, 1]. */
  readonly coreShare: number;
}

/** Below this share of a core a time is more about the machine's other work than about the layer. */
export const quietShare = 0.9;

export function quietRounds(rounds: readonly Round[]): readonly Round[] {
  return rounds.filter(({ coreShare }) => coreShare >= quietShare);
}

/** More rounds than this are never taken for warming up. */
const mostWarmups = 5;
const warmWithin = 0.1;

/** Without the first rounds that were clearly slower than those after them: caches and clocks were cold. */
export function warmRounds(rounds: readonly Round[]): readonly Round[] {
  let cold = 0;
  const later = () => rounds.slice(cold + 1).map(({ ms }) => ms);
  while (cold < mostWarmups && later().length > 0 && rounds[cold]!.ms > (1 + warmWithin) * median(later())) cold += 1;
  return rounds.slice(cold);
}

/** Seeded Fisher-Yates shuffle (random numbers: mulberry32), so that slow drift of the machine does not follow the layers' order. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const result = [...items];
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
