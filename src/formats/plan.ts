/** `NAME.pipeplan.json`. */
import { z } from "zod";
import { anchorOps, concatenations, frozenPrecisions, scheduleNames, type Plan } from "../model/plan";
import type { Format } from "./document";
import { amount, count, fileRef, name, optimizer, positive, range, stage, training } from "./parts";

const fill = z.looseObject({
  component: name,
  from: count,
  to: positive,
  samples: range,
  device: count,
  before: z.looseObject({ op: z.enum(anchorOps), chain: name.optional(), stage: count.optional(), microbatch: count.optional() }),
  iteration: z.union([z.literal(0), z.literal(1)]).optional(),
  pinned: z.boolean().optional(),
});

const schema: z.ZodType<Plan> = z.looseObject({
  format: z.literal("diffusionpipe.plan/1"),
  model: fileRef,
  profile: fileRef,
  cluster: fileRef,
  batch: z.looseObject({ global: positive, microbatches: positive }),
  dataParallel: positive,
  schedule: z.looseObject({ name: z.enum(scheduleNames), warmup: count.optional(), held: positive.optional(), concatenation: z.enum(concatenations).optional(), lateWeightGrads: z.boolean().optional() }),
  recompute: z.boolean().optional(),
  chains: z.array(z.looseObject({ id: name, stages: z.array(stage).min(1) })).min(1),
  optimizer,
  selfConditioning: z.record(name, z.number().min(0).max(1)).optional(),
  frozenPrecision: z.record(name, z.enum(frozenPrecisions)).optional(),
  fills: z.array(fill),
  pins: z.array(z.string()).optional(),
  training,
  runnable: z.union([z.literal(true), z.looseObject({ reason: z.string().min(1) })]),
  predicted: z.looseObject({ periodMs: amount, makespanMs: amount, bubbleRatio: z.number(), waste: z.number().optional(), throughputPerSecond: amount, peakMemoryBytes: z.array(amount) }),
});

/** Rules that hold without the profile; `src/plan/validate.ts` has those that need it. */
function check(plan: Plan): { field: string; message: string } | undefined {
  for (const [c, chain] of plan.chains.entries()) {
    let expected = 0;
    for (const [s, part] of chain.stages.entries()) {
      const field = `chains[${c}].stages[${s}]`;
      if (part.from !== expected) return { field: `${field}.from`, message: `Stages must follow each other: expected ${expected}, found ${part.from}.` };
      if (part.to <= part.from) return { field: `${field}.to`, message: "The stage holds no layer." };
      if (part.devices.length === 0 || part.devices.length % plan.dataParallel !== 0) {
        return { field: `${field}.devices`, message: `Expected ${plan.dataParallel} devices, one per replica, or a multiple of that, found ${part.devices.length}.` };
      }
      expected = part.to;
    }
  }
  if (plan.batch.global % (plan.dataParallel * plan.batch.microbatches) !== 0) {
    return { field: "batch.global", message: `${plan.batch.global} samples cannot be split evenly over ${plan.dataParallel} replicas of ${plan.batch.microbatches} micro-batches.` };
  }
  for (const [f, part] of plan.fills.entries()) {
    if (part.to <= part.from) return { field: `fills[${f}].to`, message: "The fill holds no layer." };
    if (part.samples[1] > plan.batch.global) return { field: `fills[${f}].samples`, message: `The global batch has only ${plan.batch.global} samples.` };
  }
  return undefined;
}

export const planFormat: Format<Plan> = { id: "diffusionpipe.plan/1", extension: ".pipeplan.json", schema, check };
