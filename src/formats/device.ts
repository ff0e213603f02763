/** `NAME.device.json`: a kind of device that the catalogue does not have, or has other figures for. */
import { z } from "zod";
import type { DeviceFile } from "../model/cluster";
import type { Format } from "./document";
import { deviceKind, link } from "./parts";

const schema: z.ZodType<DeviceFile> = z.looseObject({
  format: z.literal("diffusionpipe.device/1"),
  device: deviceKind,
  intraNode: link,
  sources: z.array(z.string().min(1)).min(1),
});

/** Times that are estimated with rates in this range stay finite, and above nothing. */
const [least, most] = [1e-3, 1e9];

function check({ device, intraNode }: DeviceFile): { field: string; message: string } | undefined {
  const { fp32, tf32, fp16, bf16 } = device.peakTflops;
  const peaks = Object.entries({ fp32, tf32, fp16, bf16 }).filter(([, peak]) => peak !== undefined);
  if (peaks.length === 0) return { field: "device.peakTflops", message: "A device has a peak for at least one of fp32, tf32, fp16, bf16." };
  const rates = [...peaks.map(([name, peak]) => [`device.peakTflops.${name}`, peak] as const), ["device.bandwidthGBps", device.bandwidthGBps], ["intraNode.bandwidthGBps", intraNode.bandwidthGBps]] as const;
  const wrong = rates.find(([, rate]) => rate !== undefined && (rate < least || rate > most));
  return wrong && { field: wrong[0], message: `Expected a rate from ${least} to ${most}, found ${wrong[1]}.` };
}

export const deviceFormat: Format<DeviceFile> = { id: "diffusionpipe.device/1", extension: ".device.json", schema, check };
