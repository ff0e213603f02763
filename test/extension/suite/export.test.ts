import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { clusterOf, planOf, profile } from "../../webview/documents";
import { formatDocument } from "../../../src/formats/document";
import { extension, inWorkspace } from "../workspace";

const plan = inWorkspace("export", "a.pipeplan.json");
const at = (name: string) => inWorkspace("export", name);

interface Opened {
  readonly plan: string;
  readonly devices: number;
  readonly operations: number;
  readonly notPlaced: readonly { readonly name: string }[];
  readonly said: readonly string[];
}

describe("Taking timelines away and bringing others' in", () => {
  before(async () => {
    const write = (name: string, document: unknown) => vscode.workspace.fs.writeFile(vscode.Uri.file(at(name)), Buffer.from(formatDocument(document)));
    await write("small.profile.json", profile);
    await write("small.cluster.json", clusterOf(2));
    await write("a.pipeplan.json", planOf(2, 4));
    await extension().activate();
  });
  after(async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    rmSync(inWorkspace("export"), { recursive: true, force: true });
  });

  it("exports a plan's timeline as one HTML page", async () => {
    const output = at("a.html");
    assert.equal(await vscode.commands.executeCommand("diffusionpipe.exportTimeline", { from: plan, as: "html", output }), output);
    const html = readFileSync(output, "utf8");
    assert.match(html, /<title>a<\/title>/);
    assert.match(html, /"format":"diffusionpipe\.timeline\/1"/);
    assert.ok(!/(?:src|href)=/.test(html.slice(0, html.indexOf("<style>"))));
  });

  it("has a plan's view draw it as a PNG", async () => {
    const output = at("a.png");
    assert.equal(await vscode.commands.executeCommand("diffusionpipe.exportTimeline", { from: plan, as: "png", output }), output);
    assert.equal(readFileSync(output).subarray(1, 4).toString(), "PNG");
  });

  it("draws no PNG of a timeline file, which has no view of its own", async () => {
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.exportTimeline", { from: at("x.timeline.json"), as: "png", output: at("x.png") }), /svg/);
    assert.equal(existsSync(at("x.png")), false);
  });

  it("lays PyTorch's traces over the plan's prediction and says what it could not place", async () => {
    const traces = [0, 1].map((rank) => join(extension().extensionPath, "test/fixtures/traces", `1f1b.rank${rank}.json`));
    const opened = (await vscode.commands.executeCommand("diffusionpipe.openTrace", { traces, plan, output: at("b.timeline.json") })) as Opened;
    assert.equal(opened.plan, plan);
    assert.equal(opened.devices, 2);
    assert.ok(opened.operations > 48);
    assert.match(opened.said.join(" "), /Not placed: /);
    assert.ok(opened.notPlaced.every(({ name }) => name !== "text_encoder"), "the plan's frozen components are known");
    assert.ok(existsSync(at("b.timeline.json")));
    await vscode.commands.executeCommand("diffusionpipe.hideMeasured", { plan });
  });

  it("refuses traces of another number of ranks, with the file", async () => {
    const traces = [join(extension().extensionPath, "test/fixtures/traces", "1f1b.rank0.json")];
    await assert.rejects(async () => vscode.commands.executeCommand("diffusionpipe.openTrace", { traces, plan }), /1f1b\.rank0\.json: devices: .*1 devices/);
  });
});
