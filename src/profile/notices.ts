/** What a person should know about the measurements: failures, operators that ran elsewhere, a busy or slowed machine. */
import type { Distinct, Measured, Outcomes } from "./measureLayers";
import type { Provider } from "./messages";
import { passes, passNames } from "./passes";
import { median, quietShare } from "./statistics";

export function measurementNotices(layers: readonly Distinct[], { outcomes, counts, referenceMs }: Measured, provider: Provider, cacheFolder: string): string[] {
  return [
    `${counts.measured} times measured, ${counts.cached} taken from the cache.`,
    ...layers.flatMap((distinct) => [...leftToCpu(distinct, outcomes, provider), ...failures(distinct, outcomes)]),
    ...disturbed(layers, outcomes, cacheFolder),
    ...slowed(referenceMs),
  ];
}

function leftToCpu({ key, label }: Distinct, outcomes: Outcomes, provider: Provider): string[] {
  return [...(outcomes.get(key) ?? [])].flatMap(([batch, found]) =>
    passes.flatMap((pass) => {
      const outcome = found[pass];
      return outcome?.status === "ok" && outcome.leftToCpu?.length ? [`${label} ${passNames[pass]}, batch ${batch}: ${provider} left ${outcome.leftToCpu.join(", ")} to the CPU.`] : [];
    }),
  );
}

/** One for each failure, with the batch sizes that had it. */
function failures({ key, label }: Distinct, outcomes: Outcomes): string[] {
  const batches = new Map<string, number[]>();
  for (const [batch, found] of outcomes.get(key) ?? []) {
    for (const pass of passes) {
      const outcome = found[pass];
      if (!outcome || outcome.status === "ok") continue;
      const text = `${passNames[pass]}, batch BATCHES: ${outcome.status === "oom" ? "out of memory" : "failed"}. ${outcome.message}`;
      batches.set(text, [...(batches.get(text) ?? []), batch]);
    }
  }
  return [...batches].map(([failure, sizes]) => `${label} ${failure.replace("BATCHES", sizes.sort((a, b) => a - b).join(", "))}`);
}

function disturbed(layers: readonly Distinct[], outcomes: Outcomes, cacheFolder: string): string[] {
  const times = layers.flatMap(({ key }) => [...(outcomes.get(key)?.values() ?? [])].flatMap((found) => Object.values(found))).filter((outcome) => outcome.status === "ok");
  const count = times.filter((outcome) => (outcome.coreShare ?? 1) < quietShare).length;
  return count === 0
    ? []
    : [`${count} of ${times.length} times were taken while other work had the core for more than ${Math.round((1 - quietShare) * 100)} % of the time: they may be too long. To measure again when the machine is quiet, remove ${cacheFolder}.`];
}

/** Beyond this the device is not the same throughout. */
const steadyWithin = 0.1;

function slowed(referenceMs: readonly number[]): string[] {
  if (referenceMs.length < 2) return [];
  const [least, most] = [Math.min(...referenceMs), Math.max(...referenceMs)];
  return most <= least * (1 + steadyWithin)
    ? []
    : [`The device did not run at one speed: a matrix product that was timed ${referenceMs.length} times in between took ${least.toFixed(2)} to ${most.toFixed(2)} ms, ${median(referenceMs).toFixed(2)} in the middle. Times may be off by as much: it was throttled, or had other work.`];
}
