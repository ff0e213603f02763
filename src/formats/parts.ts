/** Schema parts that several documents share. */
import { z } from "zod";
import { channels } from "../model/program";

export const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
export const positive = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
/** Milliseconds, bytes, FLOPs: finite and not negative. */
export const amount = z.number().min(0);
export const name = z.string().min(1).max(512);
export const fileRef = z.looseObject({ path: z.string().min(1).max(4096), sha256: z.string().regex(/^([0-9a-f]{64})?$/, "expected 64 hexadecimal digits, or nothing where unknown") });
/** Half-open, not empty. */
export const range = z.tuple([count, count]).refine(([from, to]) => from < to, "expected a half-open range [from, to) with from < to");
const peak = z.number().positive().optional();
export const deviceKind = z.looseObject({
  name: z.string().min(1),
  memoryBytes: z.number().positive(),
  peakTflops: z.looseObject({ fp32: peak, tf32: peak, fp16: peak, bf16: peak }),
  bandwidthGBps: z.number().positive(),
});
export const link = z.looseObject({ latencyUs: amount, bandwidthGBps: z.number().positive() });
export const layerRef = z.looseObject({ component: name, layer: name });
export const segment = z.looseObject({ component: name, from: count, to: positive });
export const optimizer = z.looseObject({
  name: z.literal("adamw"),
  stateBytesPerParam: amount,
  gradDtype: z.enum(["fp32", "bf16", "fp16"]),
  ema: z.boolean(),
  maxGradNorm: z.number().positive().optional(),
});
export const training = z.looseObject({
  data: z.string().min(1).optional(),
  steps: positive,
  learningRate: z.number().positive(),
  seed: count,
  resolution: positive,
  precision: z.enum(["fp32", "fp16", "bf16"]),
  predictionType: z.enum(["epsilon", "v_prediction", "sample", "flow_prediction"]),
  checkpointEvery: count,
  randomFlip: z.boolean().optional(),
});
export const stage = z.looseObject({ from: count, to: positive, devices: z.array(count).min(1) });
export const operationName = z.enum(["F", "I", "W", "B", "R", "FILL", "SELF_COND", "SEND", "RECV", "REDUCE", "REDISTRIBUTE", "GRAD_NORM", "OPTIM", "EMA", "OVERLAP_F_B", "UNSHARD"]);
export const channel = z.enum(channels);
