import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chooseInterpreter } from "../../../src/app/interpreter";
import { traceModel, traceModule, type TraceServices } from "../../../src/app/trace";
import { Cancelled, UserError } from "../../../src/model/errors";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { nodeProcesses } from "../../../src/platform/nodeProcess";
import type { ProcessRequest, ProcessResult } from "../../../src/platform/process";

const document = readFileSync("test/fixtures/trace/own_unet.trace.json", "utf8");
const request = { class: "own_unet:OwnUNet", config: { width: 8 }, folder: "/work space" };
const python = { program: "/opt/py thon/bin/python", from: "as set" };
const ok: ProcessResult = { code: 0, output: Buffer.from(document), errorOutput: "" };

/** Services whose process answers as told, and what was asked of it. */
function services(answer: (asked: ProcessRequest) => ProcessResult | Error) {
  const asked: ProcessRequest[] = [];
  const made: TraceServices = {
    files: nodeFiles,
    tracerFolder: "/product/src/parse/trace",
    processes: {
      async run(process) {
        asked.push(process);
        const result = answer(process);
        if (result instanceof Error) throw result;
        return result;
      },
    },
  };
  return { made, asked };
}

describe("Tracing a class", () => {
  it("starts nothing where the workspace is not trusted", async () => {
    const { made, asked } = services(() => ok);
    await assert.rejects(traceModule(made, request, { python, trusted: false }), (error: unknown) => error instanceof UserError && /trusted/.test(error.message));
    assert.equal(asked.length, 0);
  });

  it("is one program with its arguments, the request on its standard input, within a time", async () => {
    const { made, asked } = services(() => ok);
    const traced = await traceModule(made, request, { python, trusted: true });
    assert.equal(traced.class, "own_unet:OwnUNet");
    const [process] = asked;
    assert.deepEqual(process.argv, ["/opt/py thon/bin/python", "-m", "diffusionpipe_tracer"]);
    assert.equal(process.folder, "/product/src/parse/trace");
    assert.deepEqual(JSON.parse(String(process.input)), request);
    assert.ok(process.timeoutMs! > 0 && process.maxOutputBytes! > 0);
    assert.equal(process.environment?.HF_HUB_OFFLINE, "1");
  });

  it("shows what the process wrote when it fails, however it does", async () => {
    const write = (asked: ProcessRequest) => asked.onErrorOutput?.(Buffer.from("a word of the user's code\n"));
    for (const [result, message] of [
      [{ code: 1, output: new Uint8Array(), errorOutput: "" }, /exit code 1 before the trace was done/],
      [{ code: undefined, endedBy: "SIGKILL", output: new Uint8Array(), errorOutput: "" }, /ended by SIGKILL/],
      [{ code: 0, output: new Uint8Array(), errorOutput: "" }, /before the trace was done/],
      [{ code: 3, output: Buffer.from('{"format":"diffusionpipe.trace/1","error":{"kind":"class","message":"no class"}}'), errorOutput: "" }, /no class/],
      [new Error("python did not end within 5 ms."), /Tracing failed: python did not end within 5 ms/],
      [new Error("python wrote more than 5 bytes."), /wrote more than 5 bytes/],
    ] as const) {
      const { made } = services((asked) => {
        write(asked);
        return result;
      });
      await assert.rejects(traceModule(made, request, { python, trusted: true }), (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, message);
        assert.match(error.message, /It wrote:\na word of the user's code/);
        return true;
      });
    }
  });

  it("is cancelled as such", async () => {
    const { made } = services(() => new Cancelled());
    await assert.rejects(traceModule(made, request, { python, trusted: true }), Cancelled);
  });

  it("says which interpreter was not found, and where its name came from", async () => {
    const { made } = services(() => ok);
    const missing = { program: "/no/such/python", from: "as set" };
    await assert.rejects(traceModule({ ...made, processes: nodeProcesses, tracerFolder: "." }, request, { python: missing, trusted: true }), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /"\/no\/such\/python" was not found.*as set.*diffusionpipe\.python/s);
      return true;
    });
  });

  it("makes a model of one component out of a configuration file", async () => {
    const { made, asked } = services(() => ok);
    const model = await traceModel(made, "test/fixtures/trace/own_unet.json", { class: "own_unet:OwnUNet" }, { python, trusted: true });
    assert.deepEqual(model.components.map(({ name }) => name), ["OwnUNet"]);
    assert.match(model.path, /own_unet\.json$/);
    assert.match(model.sha256, /^[0-9a-f]{64}$/);
    assert.deepEqual(JSON.parse(String(asked[0].input)), { class: "own_unet:OwnUNet", config: { width: 8 } });
  });
});

describe("The interpreter", () => {
  it("is the most deliberate choice", () => {
    const all = { setting: "/a", environment: "/b", selected: "/c", platform: "linux" } as const;
    assert.equal(chooseInterpreter(all).program, "/a");
    assert.equal(chooseInterpreter({ ...all, setting: " " }).program, "/b");
    assert.equal(chooseInterpreter({ ...all, setting: "", environment: undefined }).program, "/c");
    assert.deepEqual(chooseInterpreter({ platform: "linux" }), { program: "python3", from: "found on PATH" });
    assert.equal(chooseInterpreter({ platform: "win32" }).program, "python");
  });
});
