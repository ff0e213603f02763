/** Runs launched from this machine, as last seen; those that have not ended are asked. */
import * as vscode from "vscode";
import type { RunEntry } from "../app/runs";

export interface RunNode {
  /** The run's id: what commands act on. */
  readonly subject: string;
  readonly entry: RunEntry;
}

export function isActive({ record, status }: RunEntry): boolean {
  const state = status?.state ?? record.lastState;
  return state === "running" || state === "launching";
}

/** E.g. "running, step 12 of 100, loss 0.213". */
export function describeRun({ record, status, problem }: RunEntry): string {
  const progress = status?.progress;
  return [
    status?.state ?? record.lastState,
    ...(progress?.step === undefined ? [] : [vscode.l10n.t("step {0} of {1}", progress.step, progress.steps ?? record.steps)]),
    ...(progress?.loss === undefined ? [] : [vscode.l10n.t("loss {0}", progress.loss.toPrecision(3))]),
    ...(problem === undefined ? [] : [vscode.l10n.t("not reached")]),
  ].join(", ");
}

export class RunsTree implements vscode.TreeDataProvider<RunNode> {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;

  /** @param list The runs there are, newest first. */
  constructor(private readonly list: () => Promise<readonly RunEntry[]>) {}

  refresh(): void {
    this.changed.fire();
  }

  async getChildren(node?: RunNode): Promise<RunNode[]> {
    return node ? [] : (await this.list()).map((entry) => ({ subject: entry.record.id, entry }));
  }

  getTreeItem({ subject, entry }: RunNode): vscode.TreeItem {
    const item = new vscode.TreeItem(subject);
    item.contextValue = `run.${isActive(entry) ? "active" : (entry.status?.state ?? entry.record.lastState)}`;
    item.description = describeRun(entry);
    item.tooltip = [vscode.l10n.t("{0} on {1}, {2}", entry.record.planPath, entry.record.targetName, entry.record.createdAt), ...(entry.problem === undefined ? [] : [entry.problem])].join("\n");
    item.accessibilityInformation = { label: `${subject}, ${describeRun(entry)}` };
    item.iconPath = new vscode.ThemeIcon(iconOf(entry));
    return item;
  }
}

function iconOf({ record, status, problem }: RunEntry): string {
  if (problem !== undefined) return "debug-disconnect";
  switch (status?.state ?? record.lastState) {
    case "running":
    case "launching":
      return "sync~spin";
    case "completed":
      return "pass";
    case "cancelled":
      return "circle-slash";
    case "failed":
    case "lost":
    case "gone":
      return "error";
  }
}
