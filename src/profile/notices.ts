/** What a person should know about the measurements: failures, operators that ran elsewhere, a machine that was busy. */
import type { Distinct, Outcomes } from "./measureLayers";
import type { Provider } from "./messages";
import { quietShare } from "./statistics";

export function measurementNotices(layers: readonly Distinct[], outcomes: Outcomes, provider: Provider, cacheFolder: string): string[] {
  const notices: string[] = [];
  let measured = 0;
  let disturbed = 0;
  for (const { signature, label } of layers) {
    const failures = new Map<string, number[]>();
    for (const [batch, outcome] of outcomes.get(signature) ?? []) {
      if (outcome.status !== "ok") {
        const failure = `${outcome.status === "oom" ? "out of memory" : "failed"}. ${outcome.message}`;
        failures.set(failure, [...(failures.get(failure) ?? []), batch]);
        continue;
      }
      measured += 1;
      if ((outcome.coreShare ?? 1) < quietShare) disturbed += 1;
      if (outcome.leftToCpu?.length) notices.push(`${label}, batch ${batch}: ${provider} left ${outcome.leftToCpu.join(", ")} to the CPU.`);
    }
    for (const [failure, batches] of failures) notices.push(`${label}, batch ${batches.sort((a, b) => a - b).join(", ")}: ${failure}`);
  }
  if (disturbed > 0) {
    notices.push(`${disturbed} of ${measured} times were taken while other work had the core for more than ${Math.round((1 - quietShare) * 100)} % of the time: they may be too long. To measure again when the machine is quiet, remove ${cacheFolder}.`);
  }
  return notices;
}
