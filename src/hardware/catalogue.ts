/**
 * Public figures of devices, as their makers publish them: dense peaks (without sparsity), FLOP/s of matrix units that add in
 * float32. Nothing here is measured. `links` are per direction.
 */
import type { DeviceKind, Link } from "../model/cluster";

export interface CatalogueEntry {
  readonly kind: DeviceKind;
  /** Between devices of one node. */
  readonly intraNode: Link;
  /** Where the figures are published. */
  readonly sources: readonly string[];
}

const gibibyte = 1024 ** 3;

export const catalogue = {
  "a100-80gb": {
    kind: {
      name: "NVIDIA A100-SXM4-80GB",
      memoryBytes: 80 * gibibyte,
      peakTflops: { fp32: 19.5, tf32: 156, fp16: 312, bf16: 312 },
      bandwidthGBps: 2039,
    },
    // NVLink 3: 600 GB/s over both directions.
    intraNode: { latencyUs: 5, bandwidthGBps: 300 },
    sources: ["https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf"],
  },
  "h100": {
    kind: {
      name: "NVIDIA H100-SXM5-80GB",
      memoryBytes: 80 * gibibyte,
      // The data sheet's 989 (TF32) and 1,979 TFLOP/s (16 bits) are with sparsity; dense ones are half.
      peakTflops: { fp32: 67, tf32: 494.7, fp16: 989.4, bf16: 989.4 },
      bandwidthGBps: 3350,
    },
    // NVLink 4: 900 GB/s over both directions.
    intraNode: { latencyUs: 5, bandwidthGBps: 450 },
    sources: ["https://resources.nvidia.com/en-us-tensor-core/nvidia-tensor-core-gpu-datasheet"],
  },
  "rtx-4090": {
    kind: {
      name: "NVIDIA GeForce RTX 4090",
      memoryBytes: 24 * gibibyte,
      peakTflops: { fp32: 82.6, tf32: 82.6, fp16: 165.2, bf16: 165.2 },
      bandwidthGBps: 1008,
    },
    // PCIe 4.0 x16: 16 GT/s per lane, 128b/130b coded; without peer-to-peer each message goes through the host's memory.
    intraNode: { latencyUs: 10, bandwidthGBps: 31.5 / 2 },
    sources: ["https://images.nvidia.com/aem-dam/Solutions/geforce/ada/nvidia-ada-gpu-architecture.pdf", "https://pcisig.com/faq?field_category_value%5B%5D=pci_express_4.0"],
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

export type CatalogueName = keyof typeof catalogue;
