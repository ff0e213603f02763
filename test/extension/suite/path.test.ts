import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import * as vscode from "vscode";
import { eventually, extension, inWorkspace } from "../workspace";

/** Small enough for a test: one thread, one batch size. */
const quick = { provider: "cpu", threads: 1, batches: [1], height: 32, width: 32 };
const profile = inWorkspace("model.profile.json");
const plan = inWorkspace("tiny.pipeplan.json");

interface ProfileFile {
  readonly device: { readonly provider: string };
  readonly components: readonly { readonly layers: readonly { readonly times: readonly { readonly batch: number; readonly forwardMs: number; readonly source: string; readonly gradSource?: string }[] }[] }[];
}

const json = <T>(file: string) => JSON.parse(readFileSync(file, "utf8")) as T;

describe("From a model to a plan", () => {
  it("cancels profiling and leaves nothing half-written", async () => {
    const api = await extension().activate();
    const abort = new AbortController();
    await assert.rejects(async () => api.profile({ ...quick, model: inWorkspace("model"), output: profile, signal: abort.signal, onProgress: () => abort.abort() }), { name: "Cancelled" });
    assert.equal(existsSync(profile), false);
  });

  it("profiles every layer in the extension host's own measuring process", async () => {
    const api = await extension().activate();
    const seen: { done: number; total: number }[] = [];
    assert.equal(await api.profile({ ...quick, model: inWorkspace("model"), output: profile, onProgress: (progress: { done: number; total: number }) => seen.push(progress) }), profile);
    const { components, device } = json<ProfileFile>(profile);
    assert.equal(device.provider, "cpu");
    for (const { times } of components.flatMap(({ layers }) => layers)) {
      assert.deepEqual(times.map(({ batch }) => batch), quick.batches);
      assert.ok(times.every(({ forwardMs, source }) => forwardMs > 0 && source === "measured"));
    }
    assert.ok(seen.length > 1);
    assert.equal(seen.at(-1)?.done, seen.at(-1)?.total);
  });

  it("estimates a profile for a GPU that is not here, and asks nothing where options say which", async () => {
    const api = await extension().activate();
    const made = await api.profile({ model: inWorkspace("model"), for: "rtx-4090", precision: "bf16", batches: [1, 2] });
    assert.equal(made, inWorkspace("model.rtx-4090.profile.json"));
    const { components, device } = json<ProfileFile>(inWorkspace("model.rtx-4090.profile.json"));
    assert.equal(device.provider, "estimate");
    assert.ok(components.flatMap(({ layers }) => layers).every(({ times }) => times.length === 2 && times.every(({ source }) => source === "estimate")));
    await assert.rejects(async () => api.profile({ model: inWorkspace("model"), for: "abacus" }), /abacus.*rtx-4090/);
    await assert.rejects(async () => api.profile({ model: inWorkspace("model"), for: "h100", on: inWorkspace("local.target.json") }), /either estimated/);
    rmSync(inWorkspace("model.rtx-4090.profile.json"));
  });

  it("plans from answers given as options, this machine as the cluster", async () => {
    const made = await vscode.commands.executeCommand("diffusionpipe.newPlan", {
      from: profile, cluster: { kind: "cpu", devices: 2, memoryGB: 4, linkGBps: 1.5 }, batch: 4, data: inWorkspace("images"), output: plan,
    });
    assert.equal(made, plan);
    const document = json<{ batch: { global: number }; cluster: { path: string }; training: { data: string }; predicted: { periodMs: number } }>(plan);
    assert.equal(document.batch.global, 4);
    assert.equal(document.cluster.path, "this-machine.cluster.json");
    assert.equal(document.training.data, "images");
    assert.ok(document.predicted.periodMs > 0);
  });

  it("opens the plan in the timeline", async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await vscode.commands.executeCommand("diffusionpipe.openTimeline", vscode.Uri.file(plan));
    const input = await eventually("the timeline's tab", () => {
      const active = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
      return active instanceof vscode.TabInputCustom ? active : undefined;
    });
    assert.equal(input.viewType, "diffusionpipe.timeline");
    assert.equal(input.uri.fsPath, plan);
  });

  it("exports the plan's predicted timeline", async () => {
    const output = inWorkspace("tiny.svg");
    assert.equal(await vscode.commands.executeCommand("diffusionpipe.exportTimeline", { from: plan, as: "svg", output }), output);
    assert.match(readFileSync(output, "utf8"), /^<(\?xml|svg)/);
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.exportTimeline", { from: plan, as: "gif", output }), /svg/);
  });

  it("makes a launch document that names the interpreter and every rank, and starts nothing", async () => {
    const document = (await vscode.commands.executeCommand("diffusionpipe.launchTraining", { plan, target: inWorkspace("local.target.json"), initWeights: 0, dryRun: true })) as { readonly worldSize: number; readonly interpreter: string; readonly files: readonly { readonly path: string }[] };
    assert.equal(document.worldSize, 2);
    assert.ok(document.files.some(({ path }) => path === "program.json"));
    assert.equal(document.interpreter, process.env.DIFFUSIONPIPE_PYTHON ?? "python3");
    assert.deepEqual(await vscode.commands.executeCommand("diffusionpipe.showRuns", {}), []);
  });

  it("names file and field of a broken plan", async () => {
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.exportTimeline", { from: inWorkspace("broken", "broken.pipeplan.json"), as: "svg", output: inWorkspace("x.svg") }), /broken\.pipeplan\.json: \w+/);
    assert.equal(existsSync(inWorkspace("x.svg")), false);
  });

  it("refuses to profile with a provider that does not exist", async () => {
    const api = await extension().activate();
    await assert.rejects(async () => api.profile({ model: inWorkspace("model"), provider: "abacus", output: inWorkspace("y.profile.json") }), /abacus.*cpu/);
  });

  it("opens a broken file at its field", async () => {
    const { openAtField } = await import("../../../src/commands/showError");
    const editor = await openAtField(inWorkspace("broken", "broken.pipeplan.json"), "batch.global");
    assert.equal(editor.document.getText(editor.selection), '"sixteen"');
  });
});
