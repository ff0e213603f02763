/** Why a provider cannot be used here: one sentence, with what to install where that would help. */
import type { Precision, Provider } from "./messages";

/** What `nvidia-smi` answers. */
export type NvidiaDriver =
  | { readonly state: "works"; readonly device: string; readonly version: string }
  | { readonly state: "fails"; readonly message: string }
  | { readonly state: "absent" };

/** What can be found out about a provider that failed its probe. */
export interface ProviderFacts {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  readonly precision: Precision;
  /** onnxruntime's, and where its native libraries are. */
  readonly runtimeVersion: string;
  readonly libraryFolder: string;
  /** Whether the CUDA provider's own libraries are in that folder. */
  readonly hasCudaLibraries: boolean;
  readonly nvidia: NvidiaDriver;
  /** Whether the system has a device node of a graphics card: of any, of NVIDIA's. Linux. */
  readonly hasGraphicsDevice: boolean;
  readonly hasNvidiaDevice: boolean;
  /** The error, and what was printed beside it: the loader's reasons are only there. */
  readonly message: string;
  readonly printed: string;
}

export interface Obstacle {
  /** A sentence. */
  readonly reason: string;
  /** There is a device that the provider would use: a person may want to do something about it. */
  readonly hasDevice: boolean;
}

/** The oldest of NVIDIA's drivers that runs CUDA 12 (its release notes, "minor version compatibility"). */
const leastDriver = 525;
/** Of the npm package's post-install script, which fetches them on Linux x64 only. */
export const cudaLibraries = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"] as const;
const cudaPackage = "Microsoft.ML.OnnxRuntime.Gpu.Linux";

export function obstacleOf(provider: Provider, facts: ProviderFacts): Obstacle {
  switch (provider) {
    case "cuda": return cuda(facts);
    case "webgpu": return webgpu(facts);
    case "directml": return directml(facts);
    case "coreml": return facts.platform === "darwin" ? { reason: facts.message, hasDevice: true } : { reason: "Core ML is there on macOS only.", hasDevice: false };
    case "cpu": return { reason: facts.message, hasDevice: false };
  }
}

/** The library that the system's loader looked for in vain. */
function missingLibrary({ printed, message }: ProviderFacts): string | undefined {
  return /with error: (\S+): cannot open shared object file/.exec(`${printed}\n${message}`)?.[1];
}

function cuda(facts: ProviderFacts): Obstacle {
  const { platform, arch, nvidia, runtimeVersion, libraryFolder } = facts;
  if (platform !== "linux" || arch !== "x64") {
    return { reason: `onnxruntime has CUDA for Node.js on Linux x64 only${platform === "win32" ? "; DirectML computes on the same device" : ""}.`, hasDevice: false };
  }
  if (nvidia.state === "absent" && !facts.hasNvidiaDevice) {
    return { reason: `There is no NVIDIA GPU here, or no driver for it (no nvidia-smi): with a GPU, install version ${leastDriver} or later, and pass the GPU to a container.`, hasDevice: false };
  }
  const stopped = (reason: string): Obstacle => ({ reason, hasDevice: true });
  if (nvidia.state === "fails") return stopped(`NVIDIA's driver does not answer (nvidia-smi: ${nvidia.message}): install version ${leastDriver} or later.`);
  const missing = missingLibrary(facts);
  if (!facts.hasCudaLibraries || (missing !== undefined && cudaLibraries.some((name) => missing.endsWith(name)))) {
    return stopped(`onnxruntime's CUDA libraries are not installed: put ${cudaLibraries.join(" and ")} of the NuGet package ${cudaPackage} ${runtimeVersion} into ${libraryFolder}; they need CUDA 12 and cuDNN 9.`);
  }
  if (missing !== undefined && /^libcudnn/.test(missing)) return stopped(`cuDNN 9 for CUDA 12 is not installed, or not on the loader's path (LD_LIBRARY_PATH): ${missing} is missing.`);
  const driver = nvidia.state === "works" ? nvidia.version : undefined;
  const tooOld = driver !== undefined && Number.parseInt(driver, 10) < leastDriver;
  const text = `${facts.message}\n${facts.printed}`;
  if (tooOld || missing === "libcuda.so.1" || /driver version is insufficient/i.test(text)) {
    return stopped(`NVIDIA's driver${driver === undefined ? "" : ` ${driver}`} does not run CUDA 12: install version ${leastDriver} or later.`);
  }
  if (missing !== undefined) return stopped(`The CUDA 12 toolkit is not installed, or not on the loader's path (LD_LIBRARY_PATH): ${missing} is missing; cuDNN 9 is needed beside it.`);
  if (/no CUDA-capable device/i.test(text)) return stopped("CUDA finds no device; CUDA_VISIBLE_DEVICES may hide it.");
  if (/no kernel image/i.test(text)) return stopped(`onnxruntime ${runtimeVersion} has no kernels for this GPU, which is too old or too new for it.`);
  return stopped(facts.message);
}

function webgpu(facts: ProviderFacts): Obstacle {
  const { platform, arch, message, printed, hasGraphicsDevice } = facts;
  const here = (reason: string): Obstacle => ({ reason, hasDevice: hasGraphicsDevice || platform !== "linux" });
  if (/backend not found/i.test(message)) return { reason: `onnxruntime has no WebGPU for Node.js on ${platform} ${arch}.`, hasDevice: false };
  if (/requires f16/.test(message)) return here("The WebGPU adapter has no 16-bit floats (shader-f16).");
  if (!/adapter/i.test(message)) return here(message);
  if (platform !== "linux") return here("WebGPU finds no adapter: install the driver of the GPU's maker.");
  if (!hasGraphicsDevice) return here("There is no GPU here that WebGPU could use.");
  if (/load Vulkan/i.test(printed)) return here("Vulkan's loader is not installed: install libvulkan1 (Debian, Ubuntu) or vulkan-loader (Fedora), and the GPU's Vulkan driver.");
  return here("The GPU has no Vulkan driver: install its maker's, or Mesa's (mesa-vulkan-drivers).");
}

function directml({ platform, message }: ProviderFacts): Obstacle {
  if (platform !== "win32") return { reason: "DirectML is there on Windows only.", hasDevice: false };
  return { reason: `DirectML finds no device with a DirectX 12 driver that it can use: ${message}`, hasDevice: true };
}
