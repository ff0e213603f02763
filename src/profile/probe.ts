/** Whether a provider works here, and on what device. Runs in the measuring process: a driver may take the process down. */
import { cpus } from "node:os";
import { inHalfPrecision } from "../graph/halfPrecision";
import { repeatedOutput, encodeRepeated } from "../graph/repeat";
import type { OnnxGraph } from "../model/onnx";
import { cudaDevice, hostMemory } from "./deviceMemory";
import type { Device, Precision, Provider } from "./messages";
import { hasGraphicsDevice } from "./providerFacts";
import { profiledRun, type Kernel } from "./runtimeProfile";

const castBetween = "It computes float16 as float32, with casts before and after: such times say nothing of float16.";

const product: OnnxGraph = {
  name: "probe",
  inputs: [{ name: "x", type: "float32", shape: [16, 16] }],
  parameters: [{ name: "w", type: "float32", shape: [16, 16] }],
  constants: [],
  nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
  outputs: [{ name: "y", type: "float32", shape: [16, 16] }],
};

async function runProduct(provider: Provider, precision: Precision): Promise<{ readonly sum: number; readonly kernel: Kernel | undefined }> {
  const graph = precision === "float16" ? inHalfPrecision(product) : product;
  const { outputs, kernels } = await profiledRun(encodeRepeated(graph, 1), { provider, threads: 1 });
  return { sum: Number(outputs[repeatedOutput].data[0]), kernel: kernels.find(({ op }) => op.endsWith("MatMul")) };
}

/** @throws Error saying why the provider cannot be used: not in this build, no driver, no device, not in this precision, a wrong product. */
export async function probe(provider: Provider, precision: Precision): Promise<Device> {
  const [{ sum: expected }, { sum, kernel }] = [await runProduct("cpu", "float32"), await runProduct(provider, precision)];
  if (!(Math.abs(expected - sum) <= 1e-2 * (1 + Math.abs(expected)))) throw new Error(`It computed ${sum} where ${expected} is right.`);
  // What it does not run is left to the CPU without a word, and the CPU computes types without a kernel between casts to float32.
  if (kernel?.onCpu && provider !== "cpu") throw new Error("It leaves matrix products to the CPU.");
  if (kernel?.onCpu && precision === "float16" && !kernel.inputTypes.includes("float16")) throw new Error(castBetween);
  switch (provider) {
    case "cpu": return { name: cpus()[0]?.model.trim() || "CPU", memoryBytes: hostMemory(), software: false };
    case "cuda": return cudaDevice();
    case "coreml": return { name: `${cpus()[0]?.model.trim() ?? "Apple"} (Core ML)`, memoryBytes: hostMemory(), software: false };
    case "directml": return { name: "DirectML device 0", memoryBytes: 0, software: false };
    case "webgpu": {
      const software = isSoftwareAdapter();
      return { name: software ? "WebGPU software adapter" : "WebGPU adapter", memoryBytes: 0, software };
    }
  }
}

/** onnxruntime does not name the WebGPU adapter. Without a device node, or with a software driver asked for, it is emulated. */
function isSoftwareAdapter(): boolean {
  if (process.platform !== "linux") return false;
  const asked = `${process.env.VK_DRIVER_FILES ?? ""} ${process.env.VK_ICD_FILENAMES ?? ""}`;
  return /swiftshader|lvp_icd|lavapipe/i.test(asked) || !hasGraphicsDevice();
}
