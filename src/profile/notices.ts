/** What a person should know about the measurements: failures, operators that ran elsewhere, a machine that was busy. */
import type { Distinct, Outcomes } from "./measureLayers";
import type { Provider } from "./messages";
import { quietShare } from "./statistics";

export function measurementNotices(layers: readonly Distinct[], outcomes: Outcomes, provider: Provider, cacheFolder: string): string[] {
  const notices: string[] = [];
  let measured = 0;
  let disturbed = 0;
  for (const { signature, label } of layers) {
    for (const [batch, outcome] of outcomes.get(signature) ?? []) {
      if (outcome.status !== "ok") {
        notices.push(`${label}, batch ${batch}: ${outcome.status === "oom" ? "out of memory" : "failed"}. ${outcome.message}`);
        continue;
      }
      measured += 1;
      if ((outcome.coreShare ?? 1) < quietShare) disturbed += 1;
      if (outcome.leftToCpu?.length) notices.push(`${label}, batch ${batch}: ${provider} left ${outcome.leftToCpu.join(", ")} to the CPU.`);
    }
  }
  if (disturbed > 0) {
    notices.push(`${disturbed} of ${measured} times were taken while other work had the core for more than ${Math.round((1 - quietShare) * 100)} % of the time: they may be too long. To measure again when the machine is quiet, remove ${cacheFolder}.`);
  }
  return notices;
}
