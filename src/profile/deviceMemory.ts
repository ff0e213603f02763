/** What a provider's device has of memory. Runs in the measuring process. */
import { execFile } from "node:child_process";
import { totalmem } from "node:os";
import { promisify } from "node:util";
import type { Device, Provider } from "./messages";

/** Bytes that are free where `provider` computes; undefined where there is nobody to ask. */
export async function freeBytes(provider: Provider): Promise<number | undefined> {
  if (provider === "cpu" || provider === "coreml") return process.availableMemory();
  return provider === "cuda" ? mebibytesIn(await nvidiaSmi("memory.free")) : undefined;
}

/** A container's limit, where there is one. */
export function hostMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Name and memory of the GPU that CUDA computes on. */
export async function cudaDevice(): Promise<Device> {
  const output = await nvidiaSmi("name,memory.total");
  return { name: /^(.+),/m.exec(output)?.[1].trim() ?? "CUDA device 0", memoryBytes: mebibytesIn(output) ?? 0, software: false };
}

/** What nvidia-smi says of the first GPU that CUDA may use; nothing where it does not answer. */
async function nvidiaSmi(fields: string): Promise<string> {
  const [first] = process.env.CUDA_VISIBLE_DEVICES?.split(",") ?? [];
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", [`--query-gpu=${fields}`, "--format=csv,noheader,nounits", "-i", first?.trim() || "0"], { timeout: 10_000 });
    return stdout;
  } catch {
    return "";
  }
}

function mebibytesIn(output: string): number | undefined {
  const found = /(\d+)\s*$/m.exec(output);
  return found ? Number(found[1]) * 2 ** 20 : undefined;
}
