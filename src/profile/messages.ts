/** What the extension or command line and the measuring process say to each other: a JSON text per line. */
import { z } from "zod";
import type { OnnxGraph } from "../model/onnx";

/** onnxruntime's execution providers, by preference. */
export const providers = ["cuda", "directml", "coreml", "webgpu", "cpu"] as const;
export type Provider = (typeof providers)[number];

/** What layers compute in. */
export type Precision = "float32" | "float16";

export interface ProbeRequest {
  readonly id: number;
  readonly kind: "probe";
  readonly provider: Provider;
  readonly precision: Precision;
}

export interface MeasureRequest {
  readonly id: number;
  readonly kind: "measure";
  readonly provider: Provider;
  /** Threads that compute one operator; CPU only. */
  readonly threads: number;
  /** In float32; the measuring process makes it one of `precision`. */
  readonly graph: OnnxGraph;
  readonly precision: Precision;
  /** How long to keep repeating at most, once warm: it ends before where the median is known well. A slow layer takes longer: it runs a few times at least. */
  readonly budgetMs: number;
}

export type Request = ProbeRequest | MeasureRequest;

const device = z.object({
  name: z.string(),
  /** 0 where it is not known. */
  memoryBytes: z.number().min(0),
  /** True for a graphics adapter emulated on the CPU. */
  software: z.boolean(),
});
export type Device = z.infer<typeof device>;

const measurement = z.object({
  /** Median time of one run of the graph. */
  medianMs: z.number().min(0),
  /** Half the width of the 95 % confidence interval of the median. */
  spreadMs: z.number().min(0),
  rounds: z.number().int().min(1),
  /** Repetitions in the longer of the two graphs whose difference is the time. */
  repeats: z.number().int().min(2),
  /** With one thread on the CPU: the part of the time in which the process really had its core. */
  coreShare: z.number().min(0).max(1).optional(),
  /** Operators that the provider left to the CPU, where it is not the CPU. */
  leftToCpu: z.array(z.string()).optional(),
});
export type Measurement = z.infer<typeof measurement>;
export const measurementSchema = measurement;

const id = z.number().int();
const reply = z.discriminatedUnion("kind", [
  /** `libraryFolder`: where onnxruntime's native libraries are. */
  z.object({ kind: z.literal("ready"), pid: z.number().int(), runtimeVersion: z.string(), libraryFolder: z.string() }),
  z.object({ kind: z.literal("probed"), id, device }),
  z.object({ kind: z.literal("measured"), id, measurement }),
  z.object({ kind: z.literal("failed"), id, status: z.enum(["oom", "crashed"]), message: z.string() }),
]);
export type Reply = z.infer<typeof reply>;

/** Undefined for a line that is not a reply: native libraries print to standard output too. */
export function parseReply(line: string): Reply | undefined {
  try {
    return reply.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
