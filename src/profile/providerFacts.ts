/** Finds out what `obstacleOf` needs to know about this machine. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Cancelled, messageOf, UserError } from "../model/errors";
import type { Processes } from "../platform/process";
import { cudaLibraries, type NvidiaDriver, type ProviderFacts } from "./obstacle";

const nvidiaNode = /^nvidia\d+$/;

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** `/dev/dxg` is the graphics card of Windows as WSL sees it. */
export function hasGraphicsDevice(): boolean {
  return names("/dev/dri").some((name) => name.startsWith("renderD")) || names("/dev").some((name) => name === "dxg" || nvidiaNode.test(name));
}

/** From the first line of `nvidia-smi --query-gpu=name,driver_version --format=csv,noheader`. */
export function parseNvidiaDriver(code: number | undefined, output: string): NvidiaDriver {
  const [line = ""] = output.trim().split("\n");
  const [, device, version] = /^(.+),\s*(\d[\d.]*)\s*$/.exec(line) ?? [];
  return code === 0 && device !== undefined ? { state: "works", device, version } : { state: "fails", message: line || `exit code ${code}` };
}

async function nvidiaDriver(processes: Processes, signal: AbortSignal | undefined): Promise<NvidiaDriver> {
  try {
    const { code, output, errorOutput } = await processes.run({ argv: ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], timeoutMs: 10_000, signal });
    return parseNvidiaDriver(code, new TextDecoder().decode(output) || errorOutput);
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    return error instanceof UserError ? { state: "absent" } : { state: "fails", message: messageOf(error) };
  }
}

type Known = Omit<ProviderFacts, "arch" | "hasCudaLibraries" | "nvidia" | "hasGraphicsDevice" | "hasNvidiaDevice">;

/** @param known What the failed probe told. */
export async function providerFacts(processes: Processes, known: Known, signal?: AbortSignal): Promise<ProviderFacts> {
  return {
    ...known,
    arch: process.arch,
    hasCudaLibraries: cudaLibraries.every((name) => existsSync(join(known.libraryFolder, name))),
    nvidia: await nvidiaDriver(processes, signal),
    hasGraphicsDevice: hasGraphicsDevice(),
    hasNvidiaDevice: names("/dev").some((name) => nvidiaNode.test(name)),
  };
}
