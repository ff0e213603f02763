/** Which provider to measure with: the first by preference that works here, each tried in a process of its own. */
import { UserError } from "../model/errors";
import type { Processes } from "../platform/process";
import type { ScriptCommand } from "../platform/nodeScript";
import { MeasuringProcess } from "./measuringProcess";
import { providers, type Device, type Provider } from "./messages";

const probeTimeoutMs = 60_000;

export interface Choice {
  readonly provider: Provider;
  readonly device: Device;
  readonly runtimeVersion: string;
  /** Why providers before it in the order of preference were passed over. */
  readonly passedOver: readonly { readonly provider: Provider; readonly reason: string }[];
}

/** Providers that exist on an operating system at all. */
export function candidates(platform: NodeJS.Platform): readonly Provider[] {
  return providers.filter((provider) => (provider === "directml" ? platform === "win32" : provider === "coreml" ? platform === "darwin" : provider === "cuda" ? platform !== "darwin" : true));
}

/** @throws UserError when the provider asked for does not work here: it is never replaced in silence. */
export async function chooseProvider(processes: Processes, command: ScriptCommand, options: { forced?: Provider; platform: NodeJS.Platform; signal?: AbortSignal }): Promise<Choice> {
  const passedOver: { provider: Provider; reason: string }[] = [];
  for (const provider of options.forced ? [options.forced] : candidates(options.platform)) {
    const process = new MeasuringProcess(processes, command);
    const answer = await process.request({ kind: "probe", provider }, { signal: options.signal, timeoutMs: probeTimeoutMs });
    await process.close();
    if (answer.kind === "probed") {
      if (!answer.device.software || options.forced) return { provider, device: answer.device, runtimeVersion: process.runtimeVersion, passedOver };
      passedOver.push({ provider, reason: `The only adapter is emulated on the CPU. Use --provider ${provider} to measure with it all the same.` });
    } else if (answer.kind === "failed") {
      passedOver.push({ provider, reason: answer.message });
    }
  }
  const reasons = passedOver.map(({ provider, reason }) => `${provider}: ${reason}`).join(" ");
  throw new UserError(options.forced ? `The provider "${options.forced}" cannot be used here. ${reasons}` : `Nothing can be measured here. ${reasons}`);
}
