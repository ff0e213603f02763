/** AMD's devices. Its data sheets state dense figures; those with sparsity are marked there. float32 is that of the matrix cores. */
import type { DeviceEntry } from "../model/cluster";
import { gibibyte } from "./links";

export const amd = {
  "mi250x": {
    // One of its two dies: ROCm shows each as a device of its own, with half of the module's memory and rates. No TF32.
    device: { name: "AMD Instinct MI250X (one die of two)", memoryBytes: 64 * gibibyte, peakTflops: { fp32: 47.85, fp16: 191.5, bf16: 191.5 }, bandwidthGBps: 1638 },
    // One Infinity Fabric link. Some pairs have up to four.
    intraNode: { latencyUs: 10, bandwidthGBps: 50 },
    sources: ["https://www.amd.com/en/products/accelerators/instinct/mi200/mi250x.html", "https://rocm.docs.amd.com/en/latest/conceptual/gpu-arch/mi250.html"],
  },
  "mi300x": {
    device: { name: "AMD Instinct MI300X", memoryBytes: 192 * gibibyte, peakTflops: { fp32: 163.4, tf32: 653.7, fp16: 1307.4, bf16: 1307.4 }, bandwidthGBps: 5300 },
    // The one link of each pair of eight, 128 GB/s over both directions. A collective uses all seven: it is faster than this says.
    intraNode: { latencyUs: 10, bandwidthGBps: 64 },
    sources: ["https://www.amd.com/en/products/accelerators/instinct/mi300/mi300x.html", "https://rocm.docs.amd.com/en/latest/conceptual/gpu-arch/mi300.html"],
  },
} as const satisfies Readonly<Record<string, DeviceEntry>>;
