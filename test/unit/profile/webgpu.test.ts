/** The GPU's code path without a GPU: WebGPU on a software Vulkan driver, as browsers based on Chromium ship it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { profileModel, type ProfileOptions } from "../../../src/app/profile";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { nodeProcesses } from "../../../src/platform/nodeProcess";
import { nodeScript } from "../../../src/platform/nodeScript";
import { modelOf, productGraph, productLayer } from "./layers";

const driver = "vk_swiftshader_icd.json";
const browser = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"].find((folder) => existsSync(join(folder, driver)));

describe("WebGPU", function () {
  this.timeout(120_000);
  let folder = "";
  before(async function () {
    if (!browser || process.platform !== "linux" || process.arch !== "x64") this.skip();
    folder = await mkdtemp(join(tmpdir(), "diffusionpipe-webgpu-"));
  });
  after(() => (folder ? rm(folder, { recursive: true, force: true }) : undefined));

  function run(options: ProfileOptions, layers: Parameters<typeof modelOf>[0], onNotice: (text: string) => void) {
    const script = nodeScript(resolve("dist/measure.js"));
    const icd = join(browser!, driver);
    const environment = { ...script.environment, VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd, LD_LIBRARY_PATH: browser };
    const services = { files: nodeFiles, processes: nodeProcesses, cacheFolder: folder, measure: { ...script, environment }, busy: script, machine: "a machine", now: () => performance.now() };
    return profileModel(services, modelOf(layers), { batches: [1], budgetMs: 5, ...options }, { onNotice });
  }

  it("measures when asked for, and says what it leaves to the CPU", async () => {
    const notices: string[] = [];
    const hash = productLayer(48, {
      name: "hash",
      signature: "hash",
      graph: (batch) => {
        const graph = productGraph(48, batch);
        return { ...graph, nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["h"] }, { op: "Det", inputs: ["w"], outputs: ["d"] }, { op: "Add", inputs: ["h", "d"], outputs: ["y"] }] };
      },
    });
    const profile = await run({ provider: "webgpu" }, [productLayer(64), hash], (text) => notices.push(text));
    const { productTflops = 0, ...device } = profile.device;
    assert.ok(productTflops > 0);
    assert.deepEqual(device, { name: "WebGPU software adapter", provider: "webgpu", precision: "float32", memoryBytes: 0 });
    const times = profile.components[1]!.layers.map((layer) => layer.times[0]!);
    assert.deepEqual(times.map(({ source, status }) => [source, status]), [["measured", undefined], ["measured", undefined]]);
    assert.equal(times[0]!.message, undefined, "a product stays on the device");
    assert.match(times[1]!.message!, /left these operators to the CPU: Det\b/);
    assert.match(notices.join("\n"), /net hash F, batch 1: webgpu left Det to the CPU/);
  });

  it("is refused in float16 where the adapter has no such floats, in a sentence", async () => {
    await assert.rejects(run({ provider: "webgpu", precision: "float16" }, [productLayer(64)], () => {}), /"webgpu" cannot be used here in float16\. webgpu: The WebGPU adapter has no 16-bit floats/);
  });

  it("is not chosen by itself where the adapter is emulated", async () => {
    const notices: string[] = [];
    const profile = await run({}, [productLayer(64)], (text) => notices.push(text));
    assert.notEqual(profile.device.provider, "webgpu");
    if (profile.device.provider === "cpu") assert.match(notices.join("\n"), /webgpu is not used: The only adapter is emulated/);
  });
});
