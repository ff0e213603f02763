/** Which provider to measure with: the first by preference that works here, each tried in a process of its own. */
import { UserError } from "../model/errors";
import type { Processes } from "../platform/process";
import type { ScriptCommand } from "../platform/nodeScript";
import { MeasuringProcess } from "./measuringProcess";
import { providers, type Device, type Precision, type Provider } from "./messages";
import { obstacleOf, type Obstacle } from "./obstacle";
import { providerFacts } from "./providerFacts";

const probeTimeoutMs = 60_000;

export interface PassedOver extends Obstacle {
  readonly provider: Provider;
}

export interface Choice {
  readonly provider: Provider;
  readonly device: Device;
  readonly runtimeVersion: string;
  /** Why providers before it in the order of preference were passed over. */
  readonly passedOver: readonly PassedOver[];
}

/** Providers that exist on an operating system at all. */
export function candidates(platform: NodeJS.Platform): readonly Provider[] {
  return providers.filter((provider) => (provider === "directml" ? platform === "win32" : provider === "coreml" ? platform === "darwin" : provider === "cuda" ? platform !== "darwin" : true));
}

interface ChoiceOptions {
  readonly forced?: Provider;
  readonly precision: Precision;
  readonly platform: NodeJS.Platform;
  readonly signal?: AbortSignal;
}

/** @throws UserError when the provider asked for does not work here, or none in this precision: nothing is replaced in silence. */
export async function chooseProvider(processes: Processes, command: ScriptCommand, { forced, precision, platform, signal }: ChoiceOptions): Promise<Choice> {
  const passedOver: PassedOver[] = [];
  for (const provider of forced ? [forced] : candidates(platform)) {
    const process = new MeasuringProcess(processes, command);
    const answer = await process.request({ kind: "probe", provider, precision }, { signal, timeoutMs: probeTimeoutMs });
    await process.close();
    const { runtimeVersion, libraryFolder, errorOutput: printed } = process;
    if (answer.kind === "probed") {
      if (!answer.device.software || forced) return { provider, device: answer.device, runtimeVersion, passedOver };
      passedOver.push({ provider, reason: `The only adapter is emulated on the CPU. Use --provider ${provider} to measure with it all the same.`, hasDevice: false });
    } else if (answer.kind === "failed") {
      const facts = await providerFacts(processes, { platform, precision, runtimeVersion, libraryFolder, message: answer.message, printed }, signal);
      passedOver.push({ provider, ...obstacleOf(provider, facts) });
    }
  }
  const reasons = passedOver.map(({ provider, reason }) => `${provider}: ${reason}`).join(" ");
  const inPrecision = precision === "float32" ? "" : ` in ${precision}`;
  throw new UserError(forced ? `The provider "${forced}" cannot be used here${inPrecision}. ${reasons}` : `Nothing can be measured here${inPrecision}. ${reasons}`);
}
