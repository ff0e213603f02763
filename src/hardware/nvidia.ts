/**
 * NVIDIA's devices. Its data sheets since Ampere state matrix units with sparsity: the dense figures here are half of those.
 * GeForce cards, and the A10G, add to float32 at half the rate at which they add to float16; theirs is the slower one.
 */
import type { DeviceEntry } from "../model/cluster";
import { gibibyte, pcie3, pcie4, pcie5 } from "./links";

const dataSheets = {
  v100: "https://images.nvidia.com/content/technologies/volta/pdf/volta-v100-datasheet-update-us-1165301-r5.pdf",
  t4: "https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/tesla-t4/t4-tensor-core-datasheet-951643.pdf",
  a10g: "https://d1.awsstatic.com/product-marketing/ec2/NVIDIA_AWS_A10G_DataSheet_FINAL_02_17_2022.pdf",
  a100: "https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf",
  l4: "https://www.nvidia.com/en-us/data-center/l4/",
  l40s: "https://www.nvidia.com/en-us/data-center/l40s/",
  h100: "https://resources.nvidia.com/en-us-tensor-core/nvidia-tensor-core-gpu-datasheet",
  h200: "https://www.nvidia.com/en-us/data-center/h200/",
  b200: "https://www.nvidia.com/en-us/data-center/hgx/",
  geforce30: "https://images.nvidia.com/aem-dam/en-zz/Solutions/geforce/ampere/pdf/NVIDIA-ampere-GA102-GPU-Architecture-Whitepaper-V1.pdf",
  geforce40: "https://images.nvidia.com/aem-dam/Solutions/geforce/ada/nvidia-ada-gpu-architecture.pdf",
  geforce50: "https://images.nvidia.com/aem-dam/Solutions/geforce/blackwell/nvidia-rtx-blackwell-gpu-architecture.pdf",
} as const;

/** Its matrix units take float16 only. */
const v100Peaks = { fp32: 15.7, fp16: 125 };
/** NVLink 2: six links of 25 GB/s. */
const v100Link = { latencyUs: 5, bandwidthGBps: 150 };
const a100Peaks = { fp32: 19.5, tf32: 156, fp16: 312, bf16: 312 };
/** NVLink 3: 600 GB/s over both directions. */
const a100Link = { latencyUs: 5, bandwidthGBps: 300 };
/** The data sheet's 989 (TF32) and 1,979 TFLOP/s (16 bits) are with sparsity; dense ones are half. */
const hopperPeaks = { fp32: 67, tf32: 494.7, fp16: 989.4, bf16: 989.4 };
/** NVLink 4: 900 GB/s over both directions. */
const hopperLink = { latencyUs: 5, bandwidthGBps: 450 };

export const nvidia = {
  "v100-16gb": {
    device: { name: "NVIDIA V100-SXM2-16GB", memoryBytes: 16 * gibibyte, peakTflops: v100Peaks, bandwidthGBps: 900 },
    intraNode: v100Link,
    sources: [dataSheets.v100],
  },
  "v100-32gb": {
    device: { name: "NVIDIA V100-SXM2-32GB", memoryBytes: 32 * gibibyte, peakTflops: v100Peaks, bandwidthGBps: 900 },
    intraNode: v100Link,
    sources: [dataSheets.v100],
  },
  "t4": {
    device: { name: "NVIDIA T4", memoryBytes: 16 * gibibyte, peakTflops: { fp32: 8.1, fp16: 65 }, bandwidthGBps: 300 },
    intraNode: pcie3.link,
    sources: [dataSheets.t4, pcie3.source],
  },
  "a10g": {
    device: { name: "NVIDIA A10G", memoryBytes: 24 * gibibyte, peakTflops: { fp32: 35, tf32: 35, fp16: 70, bf16: 70 }, bandwidthGBps: 600 },
    intraNode: pcie4.link,
    sources: [dataSheets.a10g, pcie4.source],
  },
  "a100-40gb": {
    device: { name: "NVIDIA A100-SXM4-40GB", memoryBytes: 40 * gibibyte, peakTflops: a100Peaks, bandwidthGBps: 1555 },
    intraNode: a100Link,
    sources: [dataSheets.a100],
  },
  "a100-80gb": {
    device: { name: "NVIDIA A100-SXM4-80GB", memoryBytes: 80 * gibibyte, peakTflops: a100Peaks, bandwidthGBps: 2039 },
    intraNode: a100Link,
    sources: [dataSheets.a100],
  },
  "l4": {
    device: { name: "NVIDIA L4", memoryBytes: 24 * gibibyte, peakTflops: { fp32: 30.3, tf32: 60, fp16: 121, bf16: 121 }, bandwidthGBps: 300 },
    intraNode: pcie4.link,
    sources: [dataSheets.l4, pcie4.source],
  },
  "l40s": {
    // The one data sheet that states dense figures too.
    device: { name: "NVIDIA L40S", memoryBytes: 48 * gibibyte, peakTflops: { fp32: 91.6, tf32: 183, fp16: 362.05, bf16: 362.05 }, bandwidthGBps: 864 },
    intraNode: pcie4.link,
    sources: [dataSheets.l40s, pcie4.source],
  },
  "h100": {
    device: { name: "NVIDIA H100-SXM5-80GB", memoryBytes: 80 * gibibyte, peakTflops: hopperPeaks, bandwidthGBps: 3350 },
    intraNode: hopperLink,
    sources: [dataSheets.h100],
  },
  "h100-pcie": {
    device: { name: "NVIDIA H100-PCIe-80GB", memoryBytes: 80 * gibibyte, peakTflops: { fp32: 51, tf32: 378, fp16: 756.5, bf16: 756.5 }, bandwidthGBps: 2000 },
    // An NVLink bridge, where there is one, joins two cards only.
    intraNode: pcie5.link,
    sources: [dataSheets.h100, pcie5.source],
  },
  "h200": {
    device: { name: "NVIDIA H200-SXM5-141GB", memoryBytes: 141 * gibibyte, peakTflops: hopperPeaks, bandwidthGBps: 4800 },
    intraNode: hopperLink,
    sources: [dataSheets.h200],
  },
  "b200": {
    // The page has eight of them: 600 TFLOP/s in float32, with sparsity 18 PFLOP/s in TF32 and 36 in 16 bits.
    device: { name: "NVIDIA B200-SXM-180GB", memoryBytes: 180 * gibibyte, peakTflops: { fp32: 75, tf32: 1125, fp16: 2250, bf16: 2250 }, bandwidthGBps: 8000 },
    // NVLink 5: 1,800 GB/s over both directions.
    intraNode: { latencyUs: 5, bandwidthGBps: 900 },
    sources: [dataSheets.b200],
  },
  "rtx-3090": {
    device: { name: "NVIDIA GeForce RTX 3090", memoryBytes: 24 * gibibyte, peakTflops: { fp32: 35.6, tf32: 35.6, fp16: 71, bf16: 71 }, bandwidthGBps: 936 },
    // An NVLink bridge, where there is one, joins two cards only.
    intraNode: pcie4.throughHost,
    sources: [dataSheets.geforce30, pcie4.source],
  },
  "rtx-4090": {
    device: { name: "NVIDIA GeForce RTX 4090", memoryBytes: 24 * gibibyte, peakTflops: { fp32: 82.6, tf32: 82.6, fp16: 165.2, bf16: 165.2 }, bandwidthGBps: 1008 },
    intraNode: pcie4.throughHost,
    sources: [dataSheets.geforce40, pcie4.source],
  },
  "rtx-5090": {
    device: { name: "NVIDIA GeForce RTX 5090", memoryBytes: 32 * gibibyte, peakTflops: { fp32: 104.8, tf32: 104.8, fp16: 209.5, bf16: 209.5 }, bandwidthGBps: 1792 },
    intraNode: pcie5.throughHost,
    sources: [dataSheets.geforce50, pcie5.source],
  },
} as const satisfies Readonly<Record<string, DeviceEntry>>;
