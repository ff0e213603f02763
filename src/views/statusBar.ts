/** One item in the status bar while something is going on: profiling, planning, launching, a run. */
import * as vscode from "vscode";

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("diffusionpipe.activity", vscode.StatusBarAlignment.Left, 10);
  private readonly working = new Set<{ readonly text: string }>();
  private running = "";

  constructor() {
    this.item.name = "DiffusionPipe";
    this.item.command = "diffusionpipe.showRuns";
  }

  busy(text: string): vscode.Disposable {
    const entry = { text };
    this.working.add(entry);
    this.draw();
    return new vscode.Disposable(() => {
      this.working.delete(entry);
      this.draw();
    });
  }

  /** @param text What the running runs are doing; empty for none. */
  showRunning(text: string): void {
    this.running = text;
    this.draw();
  }

  private draw(): void {
    const text = [...[...this.working].map((entry) => entry.text), this.running].filter((part) => part !== "").join(", ");
    this.item.text = `$(sync~spin) ${text}`;
    this.item.tooltip = `DiffusionPipe: ${text}`;
    if (text === "") this.item.hide();
    else this.item.show();
  }

  dispose(): void {
    this.item.dispose();
  }
}
