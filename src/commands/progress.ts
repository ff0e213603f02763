/** Long work behind a notification that can cancel it. */
import * as vscode from "vscode";
import type { Shell } from "./shell";

export interface Step {
  readonly message: string;
  /** Between 0 and 1, of the whole. */
  readonly fraction?: number;
}

/** @param outer Another way to cancel, for callers in code. */
export async function withProgress<T>(shell: Shell, title: string, outer: AbortSignal | undefined, work: (signal: AbortSignal, report: (step: Step) => void) => Promise<T>): Promise<T> {
  const busy = shell.busy(title);
  try {
    return await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, async (progress, token) => {
      const byHand = new AbortController();
      const listener = token.onCancellationRequested(() => byHand.abort());
      let shown = 0;
      try {
        return await work(outer ? AbortSignal.any([outer, byHand.signal]) : byHand.signal, ({ message, fraction }) => {
          const percent = fraction === undefined ? shown : Math.max(shown, Math.min(100, fraction * 100));
          progress.report({ message, increment: percent - shown });
          shown = percent;
        });
      } finally {
        listener.dispose();
      }
    });
  } finally {
    busy.dispose();
  }
}
