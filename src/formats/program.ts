/** `NAME.program.json`. */
import { z } from "zod";
import type { Program } from "../model/program";
import type { Format } from "./document";
import { amount, channel, count, fileRef, name, operationName, optimizer, positive, range, segment, stage, training } from "./parts";

const operation = z.looseObject({
  op: operationName,
  iteration: z.union([z.literal(0), z.literal(1)]),
  chain: name.optional(),
  stage: count.optional(),
  microbatch: count.optional(),
  component: name.optional(),
  layers: range.optional(),
  samples: range.optional(),
  channel: channel.optional(),
  direction: z.enum(["send", "receive"]).optional(),
  peer: count.optional(),
  peers: z.array(count).optional(),
  tag: count.optional(),
  tensors: z.array(name).optional(),
  bytes: amount.optional(),
});

const tensorIds = z.array(name);

const schema: z.ZodType<Program> = z.looseObject({
  format: z.literal("diffusionpipe.program/1"),
  model: fileRef,
  plan: fileRef.optional(),
  worldSize: positive,
  dataParallel: positive,
  batch: z.looseObject({ global: positive, microbatches: positive }),
  optimizer,
  training,
  components: z.array(z.looseObject({ name, class: z.string().optional(), role: z.enum(["trained", "frozen"]), after: z.array(name), layers: z.array(name) })),
  chains: z.array(
    z.looseObject({ id: name, segments: z.array(segment).min(1), stages: z.array(stage.extend({ receives: tensorIds, sends: tensorIds, receivesGrad: tensorIds })).min(1) }),
  ).min(1),
  ranks: z.array(z.looseObject({ rank: count, prologue: z.array(operation), operations: z.array(operation) })).min(1),
});

export const programFormat: Format<Program> = { id: "diffusionpipe.program/1", extension: ".program.json", schema };
