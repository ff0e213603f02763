/** Says when there is a device that layers are not timed on: once for each reason while the editor is open. */
import * as vscode from "vscode";
import type { Choice } from "../profile/choose";
import type { Provider } from "../profile/messages";
import type { Shell } from "./shell";

const providerLabels: Readonly<Record<Provider, string>> = { cuda: "CUDA", directml: "DirectML", coreml: "Core ML", webgpu: "WebGPU", cpu: "CPU" };

const told = new Set<string>();

/** Measuring goes on meanwhile, with the next best. All reasons are in the log. */
export async function noticeFallback(shell: Shell, { provider, passedOver }: Choice): Promise<void> {
  const stopped = passedOver.filter(({ hasDevice, reason }) => hasDevice && !told.has(reason));
  if (stopped.length === 0) return;
  for (const { reason } of stopped) told.add(reason);
  const used = providerLabels[provider];
  const reasons = stopped.map((one) => vscode.l10n.t("{0} is not used: {1}", providerLabels[one.provider], one.reason)).join(" ");
  const always = vscode.l10n.t("Always Use {0}", used);
  const log = vscode.l10n.t("Show Log");
  const answer = await vscode.window.showWarningMessage(vscode.l10n.t("{0} Layers are timed with {1} instead.", reasons, used), always, log);
  if (answer === always) await vscode.workspace.getConfiguration("diffusionpipe.profile").update("provider", provider, vscode.ConfigurationTarget.Global);
  else if (answer === log) shell.log.show();
}
