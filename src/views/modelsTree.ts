/** Models of the workspace: components, then layers with their parameters. A folder is read when it is opened in the tree. */
import { basename, dirname } from "node:path";
import * as vscode from "vscode";
import { messageOf } from "../model/errors";
import type { RoleChoice } from "../model/choice";
import type { ModelComponent, ModelLayer } from "../model/model";
import type { Files } from "../platform/files";
import { formatDecimal } from "../timeline/layout/format";

export type ModelNode =
  | { readonly kind: "model"; /** Absolute path of the folder: what commands act on. */ readonly subject: string }
  | { readonly kind: "component"; readonly subject: string; readonly component: ModelComponent }
  | { readonly kind: "layer"; readonly subject: string; readonly component: string; readonly layer: ModelLayer }
  | { readonly kind: "problem"; readonly message: string };

const count = (value: number) => value.toLocaleString();

export class ModelsTree implements vscode.TreeDataProvider<ModelNode> {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;

  /** @param folders Absolute paths of the model folders there are. */
  constructor(private readonly files: Files, private readonly roles: { of(path: string): RoleChoice }, private readonly folders: () => Promise<readonly string[]>) {}

  refresh(): void {
    this.changed.fire();
  }

  async getChildren(node?: ModelNode): Promise<ModelNode[]> {
    if (!node) return (await this.folders()).map((subject) => ({ kind: "model", subject }));
    switch (node.kind) {
      case "model":
        return this.componentsOf(node.subject);
      case "component":
        return node.component.layers.map((layer) => ({ kind: "layer", subject: node.subject, component: node.component.name, layer }));
      case "layer":
      case "problem":
        return [];
    }
  }

  private async componentsOf(folder: string): Promise<ModelNode[]> {
    try {
      const { inspectModel } = await import("../app/inspect");
      const read = (choice: RoleChoice) => inspectModel(this.files, folder, choice);
      // Roles that the files no longer have room for are let go, as the model view does.
      const { components } = await read(this.roles.of(folder)).catch(() => read({}));
      return components.map((component) => ({ kind: "component", subject: folder, component }));
    } catch (error) {
      return [{ kind: "problem", message: messageOf(error) }];
    }
  }

  getTreeItem(node: ModelNode): vscode.TreeItem {
    switch (node.kind) {
      case "model":
        return modelItem(node.subject);
      case "component":
        return componentItem(node.component);
      case "layer":
        return layerItem(node.layer);
      case "problem": {
        const item = new vscode.TreeItem(node.message);
        item.iconPath = new vscode.ThemeIcon("error");
        item.tooltip = node.message;
        return item;
      }
    }
  }
}

function modelItem(folder: string): vscode.TreeItem {
  const item = new vscode.TreeItem(basename(folder), vscode.TreeItemCollapsibleState.Collapsed);
  item.contextValue = "model";
  // Its own name is the label, and a side bar is narrow.
  const parent = dirname(folder);
  const isAtTop = vscode.workspace.workspaceFolders?.some(({ uri }) => uri.fsPath === parent) ?? false;
  item.description = isAtTop ? undefined : vscode.workspace.asRelativePath(parent);
  item.tooltip = folder;
  item.accessibilityInformation = { label: vscode.l10n.t("{0}, a model", basename(folder)) };
  item.iconPath = new vscode.ThemeIcon("symbol-class");
  return item;
}

function componentItem({ name, role, parameters, layers, class: className, after }: ModelComponent): vscode.TreeItem {
  const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Collapsed);
  item.contextValue = "component";
  item.description = vscode.l10n.t("{0}, {1}", role, formatDecimal(parameters));
  const facts = [vscode.l10n.t("{0}: {1}, {2} parameters in {3} layers", className, role, count(parameters), layers.length), ...(after.length > 0 ? [vscode.l10n.t("needs {0}", after.join(", "))] : [])];
  item.tooltip = facts.join("\n");
  item.accessibilityInformation = { label: `${name}, ${facts.join(", ")}` };
  item.iconPath = new vscode.ThemeIcon(role === "trained" ? "mortar-board" : "lock");
  return item;
}

function layerItem({ name, kind, parameters, needsInputGrad, needsWeightGrad }: ModelLayer): vscode.TreeItem {
  const item = new vscode.TreeItem(name);
  item.contextValue = "layer";
  item.description = formatDecimal(parameters);
  const work = ["F", ...(needsInputGrad ? ["I"] : []), ...(needsWeightGrad ? ["W"] : [])].join(" ");
  item.tooltip = vscode.l10n.t("{0}: {1} parameters, computes {2}", kind, count(parameters), work);
  item.accessibilityInformation = { label: `${name}, ${item.tooltip}` };
  return item;
}
