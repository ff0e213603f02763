/** Plans of the workspace with their predicted figures, as the file states them. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { timelineViewType } from "../editor/timelineEditor";
import { messageOf } from "../model/errors";
import type { Files } from "../platform/files";

export interface PlanNode {
  /** Absolute path: what commands act on. */
  readonly subject: string;
  /** As short as it tells plans apart: a side bar is narrow. */
  readonly description: string;
  /** All figures, or what is wrong. */
  readonly detail: string;
  readonly isBroken: boolean;
}

export class PlansTree implements vscode.TreeDataProvider<PlanNode> {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;

  /** @param plans Absolute paths of the plans there are. */
  constructor(private readonly files: Files, private readonly plans: () => Promise<readonly string[]>) {}

  refresh(): void {
    this.changed.fire();
  }

  async getChildren(node?: PlanNode): Promise<PlanNode[]> {
    return node ? [] : Promise.all((await this.plans()).map((path) => this.read(path)));
  }

  private async read(path: string): Promise<PlanNode> {
    try {
      const [{ readDocument }, { planFormat }] = await Promise.all([import("../formats/document"), import("../formats/plan")]);
      const { predicted, batch, schedule } = await readDocument(planFormat, this.files, path);
      return {
        subject: path,
        description: vscode.l10n.t("{0} ms, {1} % idle", predicted.periodMs.toFixed(0), (100 * predicted.bubbleRatio).toFixed(0)),
        detail: vscode.l10n.t("{0}: {1}, global batch {2}, predicted period {3} ms, bubbles {4} % of device time", vscode.workspace.asRelativePath(path), schedule.name, batch.global, predicted.periodMs.toFixed(0), (100 * predicted.bubbleRatio).toFixed(0)),
        isBroken: false,
      };
    } catch (error) {
      return { subject: path, description: vscode.l10n.t("broken"), detail: messageOf(error), isBroken: true };
    }
  }

  getTreeItem({ subject, description, detail, isBroken }: PlanNode): vscode.TreeItem {
    const item = new vscode.TreeItem(basename(subject, ".pipeplan.json"));
    item.contextValue = "plan";
    item.description = description;
    item.tooltip = detail;
    item.accessibilityInformation = { label: `${basename(subject, ".pipeplan.json")}, ${detail}` };
    item.iconPath = new vscode.ThemeIcon(isBroken ? "error" : "graph");
    // A command of VS Code's own: arguments of others are let go when the tree is read anew, and a click just then would do nothing.
    item.command = { command: "vscode.openWith", title: vscode.l10n.t("Open Timeline"), arguments: [vscode.Uri.file(subject), timelineViewType] };
    return item;
  }
}
