/** `NAME.cluster.json`. */
import { z } from "zod";
import type { Cluster } from "../model/cluster";
import type { Format } from "./document";
import { amount, deviceKind, link, positive } from "./parts";

const schema: z.ZodType<Cluster> = z.looseObject({
  format: z.literal("diffusionpipe.cluster/1"),
  nodeGroups: z.array(
    z.looseObject({
      count: positive.max(65536),
      devicesPerNode: positive.max(1024),
      device: deviceKind,
      intraNode: link,
    }),
  ).min(1),
  interNode: link.extend({ sharedByNode: z.boolean().optional() }),
  overlapsCommunication: z.boolean().optional(),
  reservedBytes: amount.optional(),
  hostMemoryBytes: amount.optional(),
  diskGBps: z.number().positive().optional(),
});

export const clusterFormat: Format<Cluster> = { id: "diffusionpipe.cluster/1", extension: ".cluster.json", schema };
