import assert from "node:assert/strict";
import { providers, type Provider } from "../../../src/profile/messages";
import { obstacleOf, type NvidiaDriver, type ProviderFacts } from "../../../src/profile/obstacle";
import { parseNvidiaDriver } from "../../../src/profile/providerFacts";

const works: NvidiaDriver = { state: "works", device: "NVIDIA A100-SXM4-80GB", version: "550.54.15" };
const base: ProviderFacts = {
  platform: "linux", arch: "x64", precision: "float32", runtimeVersion: "1.30.0", libraryFolder: "/libs", hasCudaLibraries: true, nvidia: works,
  hasGraphicsDevice: true, hasNvidiaDevice: true, message: "OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library", printed: "",
};
/** As onnxruntime 1.30 prints it, colours and all. */
const unloadable = (library: string) =>
  `\u001b[1;31m2026-01-02 03:04:05.678 [E:onnxruntime:onnxruntime-node, provider_bridge_ort.cc:2146 Create] /onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1988 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library /libs/libonnxruntime_providers_cuda.so with error: ${library}: cannot open shared object file: No such file or directory\n\u001b[m`;

type Case = readonly [what: string, provider: Provider, facts: Partial<ProviderFacts>, says: RegExp, hasDevice: boolean];
const cases: readonly Case[] = [
  ["no driver", "cuda", { nvidia: { state: "absent" }, hasNvidiaDevice: false, hasCudaLibraries: false }, /\(no nvidia-smi\): with a GPU, install version 525 or later/, false],
  ["a driver that does not answer", "cuda", { nvidia: { state: "fails", message: "NVIDIA-SMI has failed" } }, /NVIDIA-SMI has failed\): install version 525 or later/, true],
  ["no libraries of the provider", "cuda", { hasCudaLibraries: false }, /libonnxruntime_providers_cuda\.so of the NuGet package Microsoft\.ML\.OnnxRuntime\.Gpu\.Linux 1\.30\.0 into \/libs; they need CUDA 12 and cuDNN 9/, true],
  ["libraries of the provider elsewhere", "cuda", { printed: unloadable("/libs/libonnxruntime_providers_shared.so") }, /NuGet package/, true],
  ["no toolkit", "cuda", { printed: unloadable("libcublasLt.so.12") }, /CUDA 12 toolkit .*libcublasLt\.so\.12 is missing; cuDNN 9/, true],
  ["no runtime of the toolkit", "cuda", { printed: unloadable("libcudart.so.12") }, /CUDA 12 toolkit .*libcudart\.so\.12 is missing/, true],
  ["no cuDNN", "cuda", { printed: unloadable("libcudnn.so.9") }, /^cuDNN 9 for CUDA 12 .*libcudnn\.so\.9 is missing/, true],
  ["an old driver", "cuda", { nvidia: { ...works, version: "470.82.01" }, message: "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version" }, /driver 470\.82\.01 does not run CUDA 12: install version 525/, true],
  ["no library of the driver", "cuda", { nvidia: { state: "absent" }, printed: unloadable("libcuda.so.1") }, /driver does not run CUDA 12: install version 525/, true],
  ["a hidden device", "cuda", { message: "CUDA failure 100: no CUDA-capable device is detected" }, /CUDA_VISIBLE_DEVICES/, true],
  ["an old device", "cuda", { message: "CUDA error 209: no kernel image is available for execution on the device" }, /no kernels for this GPU/, true],
  ["something else", "cuda", { message: "It computed 3 where 4 is right." }, /^It computed 3/, true],
  ["CUDA on Windows", "cuda", { platform: "win32" }, /Linux x64 only; DirectML computes on the same device/, false],
  ["CUDA on ARM", "cuda", { arch: "arm64" }, /Linux x64 only\.$/, false],
  ["WebGPU without a card", "webgpu", { hasGraphicsDevice: false, message: "Failed to get a WebGPU adapter: No supported adapters" }, /no GPU here/, false],
  ["WebGPU without Vulkan", "webgpu", { message: "Failed to get a WebGPU adapter: No supported adapters", printed: "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file" }, /install libvulkan1/, true],
  ["WebGPU without a driver", "webgpu", { message: "Failed to get a WebGPU adapter: No supported adapters" }, /Vulkan driver/, true],
  ["WebGPU on ARM Linux", "webgpu", { arch: "arm64", message: "no available backend found. ERR: [webgpu] backend not found." }, /no WebGPU for Node\.js on linux arm64/, false],
  ["WebGPU without 16-bit floats", "webgpu", { message: "shader_helper.cc:416 GenerateSourceCode Program MatMul requires f16 but the device does not support it." }, /no 16-bit floats/, true],
  ["DirectML elsewhere", "directml", {}, /on Windows only/, false],
  ["DirectML without a device", "directml", { platform: "win32", message: "887A0004" }, /DirectX 12.*887A0004/, true],
  ["Core ML elsewhere", "coreml", {}, /on macOS only/, false],
];

describe("A provider that cannot be used", () => {
  for (const [what, provider, facts, says, hasDevice] of cases) {
    it(`says so of ${what}, in one sentence`, () => {
      const found = obstacleOf(provider, { ...base, ...facts });
      assert.match(found.reason, says);
      assert.equal(found.hasDevice, hasDevice);
      assert.equal(found.reason.includes("\n"), false);
      assert.equal(found.reason.match(/\.(?:\s|$)/g)?.length ?? 1, 1, found.reason);
    });
  }

  it("has a reason whatever was printed", () => {
    for (const provider of providers) {
      for (const platform of ["linux", "win32", "darwin"] as const) assert.equal(obstacleOf(provider, { ...base, platform, message: "No answer within 60 s.", printed: "noise" }).reason === "", false);
    }
  });
});

describe("nvidia-smi", () => {
  it("tells device and driver, or why not", () => {
    assert.deepEqual(parseNvidiaDriver(0, "NVIDIA A100-SXM4-80GB, 550.54.15\nNVIDIA T4, 550.54.15\n"), works);
    const message = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.";
    assert.deepEqual(parseNvidiaDriver(9, `${message}\n`), { state: "fails", message });
    assert.deepEqual(parseNvidiaDriver(0, ""), { state: "fails", message: "exit code 0" });
  });
});
