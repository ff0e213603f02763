/** A run's log in an output channel of its own, followed until the run ends or the notification is cancelled. */
import * as vscode from "vscode";
import { z } from "zod";
import { follow } from "../app/runs";
import { optionsOf } from "./arguments";
import { pickRun } from "./pickRun";
import { withProgress } from "./progress";
import { runServices } from "./runServices";
import type { Handler } from "./shell";

const options = z.strictObject({ id: z.string().optional() });
const channels = new Map<string, vscode.OutputChannel>();

/** @returns The run's status at its end. */
export const showRunLogCommand: Handler = async (shell, argument) => {
  const given = optionsOf(options, "id", argument);
  const id = given.id ?? (await pickRun(vscode.l10n.t("Show Run Log"), "all"));
  const services = runServices();
  const channel = channels.get(id) ?? vscode.window.createOutputChannel(`DiffusionPipe ${id}`);
  channels.set(id, channel);
  channel.clear();
  channel.show(true);
  return withProgress(shell, vscode.l10n.t("Following {0}", id), undefined, async (signal, report) => {
    const status = await follow(services, id, {
      from: "start",
      signal,
      onLine: (line) => channel.appendLine(line),
      onProgress: ({ step, steps, loss }) => report({ message: vscode.l10n.t("step {0} of {1}{2}", step ?? 0, steps ?? "?", loss === undefined ? "" : vscode.l10n.t(", loss {0}", loss.toPrecision(3))), fraction: step !== undefined && steps ? step / steps : undefined }),
      onDisconnect: (why) => channel.appendLine(vscode.l10n.t("[connection lost: {0}; trying again]", why)),
    });
    channel.appendLine(vscode.l10n.t("[the run is {0}]", status.state));
    shell.refresh();
    return status;
  });
};
