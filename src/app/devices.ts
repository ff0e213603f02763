/** Devices that a profile can be estimated for: those of the catalogue, and a user's own files. */
import { deviceFormat } from "../formats/device";
import { readDocument } from "../formats/document";
import { catalogue, isCatalogueName } from "../hardware/catalogue";
import { precisionsOf } from "../hardware/precision";
import type { DeviceEntry } from "../model/cluster";
import { UserError } from "../model/errors";
import type { Files } from "../platform/files";

/**
 * @param name Of the catalogue, or the path of a `NAME.device.json`.
 * @throws UserError with the names that there are, and as `readDocument`.
 */
export async function deviceNamed(files: Files, name: string): Promise<DeviceEntry> {
  if (name.endsWith(deviceFormat.extension)) return readDocument(deviceFormat, files, name);
  const lower = name.toLowerCase();
  if (isCatalogueName(lower)) return catalogue[lower];
  throw new UserError(`There is no device "${name}". Devices: ${Object.keys(catalogue).join(", ")}, or the path of a NAME${deviceFormat.extension}.`);
}

/** Name and figures of each device of the catalogue, a line each. */
export function deviceTable(): string {
  const rows = Object.entries<DeviceEntry>(catalogue).map(([name, { device, intraNode }]) => [
    name, device.name, `${device.memoryBytes / 1024 ** 3} GB`, `${device.bandwidthGBps} GB/s`, `link ${intraNode.bandwidthGBps} GB/s`,
    `TFLOP/s ${precisionsOf(device).map((precision) => `${precision} ${device.peakTflops[precision]}`).join(", ")}`,
  ]);
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return `${rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()).join("\n")}\n`;
}
