/** `NAME.timeline.json`. */
import { z } from "zod";
import type { Timeline } from "../model/timeline";
import type { Format } from "./document";
import { amount, channel, count, name, operationName, range } from "./parts";

const operation = z.looseObject({
  device: count,
  stream: z.enum(["compute", "communication"]),
  op: operationName,
  iteration: z.int(),
  chain: name.optional(),
  component: name.optional(),
  stage: count.optional(),
  microbatch: count.optional(),
  layers: range.optional(),
  samples: range.optional(),
  channel: channel.optional(),
  direction: z.enum(["send", "receive"]).optional(),
  startMs: z.number(),
  endMs: z.number(),
  deps: z.array(count),
  bytes: amount.optional(),
  peer: count.optional(),
  source: z.enum(["measured", "estimate"]).optional(),
});

const schema: z.ZodType<Timeline> = z.looseObject({
  format: z.literal("diffusionpipe.timeline/1"),
  source: z.enum(["predicted", "measured"]),
  periodMs: amount,
  expectedPeriodMs: amount.optional(),
  makespanMs: amount,
  bubbleRatio: z.number(),
  waste: z.number().optional(),
  throughputPerSecond: amount,
  clockSkewMs: z.number().optional(),
  criticalPath: z.array(count),
  devices: z.array(z.looseObject({ name: z.string(), peakMemoryBytes: amount, memory: z.array(z.tuple([z.number(), z.number()])).optional() })).min(1),
  operations: z.array(operation),
});

function check(timeline: Timeline): { field: string; message: string } | undefined {
  for (const [o, op] of timeline.operations.entries()) {
    if (op.device >= timeline.devices.length) return { field: `operations[${o}].device`, message: `There are only ${timeline.devices.length} devices.` };
    if (op.endMs < op.startMs) return { field: `operations[${o}].endMs`, message: "The operation ends before it starts." };
  }
  return undefined;
}

export const timelineFormat: Format<Timeline> = { id: "diffusionpipe.timeline/1", extension: ".timeline.json", schema, check };
