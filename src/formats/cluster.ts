/** `NAME.cluster.json`. */
import { z } from "zod";
import type { Cluster } from "../model/cluster";
import type { Format } from "./document";
import { amount, positive } from "./parts";

const link = { latencyUs: amount, bandwidthGBps: z.number().positive() };
const peak = z.number().positive().optional();

const schema: z.ZodType<Cluster> = z.looseObject({
  format: z.literal("diffusionpipe.cluster/1"),
  nodeGroups: z.array(
    z.looseObject({
      count: positive.max(65536),
      devicesPerNode: positive.max(1024),
      device: z.looseObject({
        name: z.string().min(1),
        memoryBytes: z.number().positive(),
        peakTflops: z.looseObject({ fp32: peak, tf32: peak, fp16: peak, bf16: peak }),
        bandwidthGBps: z.number().positive(),
      }),
      intraNode: z.looseObject(link),
    }),
  ).min(1),
  interNode: z.looseObject({ ...link, sharedByNode: z.boolean().optional() }),
  overlapsCommunication: z.boolean().optional(),
  reservedBytes: amount.optional(),
  hostMemoryBytes: amount.optional(),
  diskGBps: z.number().positive().optional(),
});

export const clusterFormat: Format<Cluster> = { id: "diffusionpipe.cluster/1", extension: ".cluster.json", schema };
