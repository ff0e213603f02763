/** Plans of the workspace with their predicted figures, as the file states them. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { messageOf } from "../model/errors";
import type { Files } from "../platform/files";

export interface PlanNode {
  /** Absolute path: what commands act on. */
  readonly subject: string;
  readonly description: string;
  readonly problem?: string;
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
        description: vscode.l10n.t("{0}, batch {1}, period {2} ms predicted, bubbles {3} %", schedule.name, batch.global, predicted.periodMs.toFixed(0), (100 * predicted.bubbleRatio).toFixed(0)),
      };
    } catch (error) {
      return { subject: path, description: vscode.l10n.t("broken"), problem: messageOf(error) };
    }
  }

  getTreeItem({ subject, description, problem }: PlanNode): vscode.TreeItem {
    const item = new vscode.TreeItem(basename(subject, ".pipeplan.json"));
    item.contextValue = "plan";
    item.description = description;
    item.tooltip = problem ?? vscode.workspace.asRelativePath(subject);
    item.accessibilityInformation = { label: `${basename(subject, ".pipeplan.json")}, ${description}` };
    item.iconPath = new vscode.ThemeIcon(problem === undefined ? "graph" : "error");
    item.command = { command: "diffusionpipe.openTimeline", title: vscode.l10n.t("Open Timeline"), arguments: [{ subject }] };
    return item;
  }
}
