/** Plans that are no files of the disk: new ones, git's versions, those of a virtual workspace. Their timelines find what they need. */
import assert from "node:assert/strict";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import * as vscode from "vscode";
import { onDisk } from "../../../src/editor/onDisk";
import { inputUri, nameOf } from "../../../src/editor/planInputs";
import { isReadOnly } from "../../../src/editor/readOnly";
import { timelineViewType } from "../../../src/editor/timelineEditor";
import { clusterOf, planOf, profile } from "../../webview/documents";
import { eventually, inWorkspace } from "../workspace";

const text = (document: unknown) => JSON.stringify(document, null, 2);

/** Three files of a virtual workspace, to be read only. */
class Memory implements vscode.FileSystemProvider {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;
  private readonly files = new Map([["/x/a.pipeplan.json", text(planOf(2, 4))], ["/x/small.profile.json", text(profile)], ["/x/small.cluster.json", text(clusterOf(2))]]);

  watch = () => new vscode.Disposable(() => undefined);
  readDirectory = () => [];
  createDirectory = () => undefined;
  delete = () => undefined;
  rename = () => undefined;
  writeFile(uri: vscode.Uri, content: Uint8Array): void {
    this.files.set(uri.path, new TextDecoder().decode(content));
  }

  readFile(uri: vscode.Uri): Uint8Array {
    const content = this.files.get(uri.path);
    if (content === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    return new TextEncoder().encode(content);
  }

  stat(uri: vscode.Uri): vscode.FileStat {
    if (uri.path === "/x" || uri.path === "/") return { type: vscode.FileType.Directory, ctime: 0, mtime: 0, size: 0 };
    return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: this.readFile(uri).length };
  }
}

describe("Plans that are no files of the disk", () => {
  const problems = (uri: vscode.Uri) => vscode.languages.getDiagnostics(uri).filter(({ source }) => source === "DiffusionPipe").map(({ message }) => message);

  before(async () => {
    await mkdir(inWorkspace("living"), { recursive: true });
    await writeFile(inWorkspace("living", "small.profile.json"), text(profile));
    await writeFile(inWorkspace("living", "small.cluster.json"), text(clusterOf(2)));
  });
  after(async () => {
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    await rm(inWorkspace("living"), { recursive: true, force: true });
  });

  async function replaceAll(document: vscode.TextDocument, content: string): Promise<void> {
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), content);
    assert.ok(await vscode.workspace.applyEdit(edit));
  }

  it("a new plan is shown with the inputs beside where it will be", async () => {
    const uri = vscode.Uri.from({ scheme: "untitled", path: inWorkspace("living", "new.pipeplan.json") });
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.commands.executeCommand("vscode.openWith", uri, timelineViewType);
    const plan = planOf(2, 4);
    await replaceAll(document, text({ ...plan, batch: { ...plan.batch, global: -1 } }));
    await eventually("the timeline says what is wrong", () => problems(uri).find((message) => message.length > 0));
    await replaceAll(document, text(plan));
    await eventually("nothing is wrong any more", () => (problems(uri).length === 0 ? true : undefined));
    await replaceAll(document, text({ ...plan, profile: { ...plan.profile, path: "missing.profile.json" } }));
    assert.match(await eventually("what is missing is named", () => problems(uri)[0]), /living.missing\.profile\.json: The file does not exist/);
  });

  it("lie on disk where they are to be, or were", () => {
    const plan = inWorkspace("living", "a.pipeplan.json");
    for (const uri of [vscode.Uri.file(plan), vscode.Uri.from({ scheme: "untitled", path: plan }), vscode.Uri.from({ scheme: "git", path: plan, query: "{}" })]) {
      assert.equal(onDisk(uri).toString(), vscode.Uri.file(plan).toString());
      assert.equal(inputUri(uri, "profile", "small.profile.json").fsPath, inWorkspace("living", "small.profile.json"));
      assert.equal(nameOf(uri), "living/a.pipeplan.json");
      assert.throws(() => inputUri(uri, "model", "../../../etc"), /outside of the workspace/);
    }
    assert.equal(onDisk(vscode.Uri.from({ scheme: "untitled", path: "Untitled-1" })).fsPath, inWorkspace("Untitled-1"));
  });

  it("can be looked at in a virtual workspace, and only that", async () => {
    const registered = vscode.workspace.registerFileSystemProvider("memory", new Memory());
    try {
      const uri = vscode.Uri.from({ scheme: "memory", path: "/x/a.pipeplan.json" });
      await vscode.commands.executeCommand("vscode.openWith", uri, timelineViewType);
      const document = await vscode.workspace.openTextDocument(uri);
      await replaceAll(document, "{");
      await eventually("the timeline says what is wrong", () => problems(uri)[0]);
      await replaceAll(document, text(planOf(2, 4)));
      await eventually("its inputs are found", () => (problems(uri).length === 0 ? true : undefined));
      assert.equal(await isReadOnly(uri), true);
      await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    } finally {
      registered.dispose();
    }
  });

  it("tells which may be changed", async () => {
    const file = inWorkspace("living", "locked.pipeplan.json");
    await writeFile(file, text(planOf(2, 4)));
    assert.equal(await isReadOnly(vscode.Uri.file(file)), false);
    await chmod(file, 0o444);
    assert.equal(await isReadOnly(vscode.Uri.file(file)), true);
    assert.equal(await isReadOnly(vscode.Uri.from({ scheme: "untitled", path: file })), false);
    assert.equal(await isReadOnly(vscode.Uri.from({ scheme: "git", path: file })), true);
  });
});
