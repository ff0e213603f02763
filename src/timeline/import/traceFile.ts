/** Reading of a Chrome trace as PyTorch's profiler writes it: what is in it is checked, and kept only as far as it is used. */
import { z } from "zod";
import { fieldPath } from "../../formats/document";
import { UserError } from "../../model/errors";

/** A stretch of time on one thread. Times in µs from the file's base. */
export interface Span {
  readonly name: string;
  readonly category: string;
  readonly process: string;
  readonly thread: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface TraceFile {
  readonly file: string;
  /** Of `distributedInfo`; absent where the profiler knew of no process group. */
  readonly rank?: number;
  readonly worldSize?: number;
  /** What the spans' zero is on the clock of all, in µs; 0 where the file does not say. */
  readonly baseUs: number;
  /** E.g. "NVIDIA A100-SXM4-80GB"; the first device's. */
  readonly deviceName?: string;
  readonly spans: readonly Span[];
  /** What processes are called, where the file names them. */
  readonly processNames: ReadonlyMap<string, string>;
  /** The most that was allocated at a time, in bytes, where memory was profiled; per process. */
  readonly peakBytes: ReadonlyMap<string, number>;
}

/** What a device does, and what names it; the rest of a trace (Python's frames, calls of the runtime, arrows) is not looked at. */
const usedCategories = new Set(["cpu_op", "user_annotation", "kernel", "gpu_memcpy", "gpu_memset", "cuda_runtime", "cuda_driver"]);

/** More events than this are refused. */
export const mostEvents = 5_000_000;

const head = z.looseObject({
  traceEvents: z.array(z.unknown()).max(mostEvents),
  baseTimeNanoseconds: z.number().nonnegative().optional(),
  distributedInfo: z.looseObject({ rank: z.int().min(0).max(1e6), world_size: z.int().min(1).max(1e6).optional() }).optional(),
  deviceProperties: z.array(z.looseObject({ name: z.string().max(512).optional() })).optional(),
});
const identifier = z.union([z.number(), z.string().max(512)]);
const used = z.looseObject({ name: z.string().max(100_000), ts: z.number(), dur: z.number().min(0), pid: identifier, tid: identifier, args: z.looseObject({}).optional() });

/** @throws UserError naming `file` and, where the syntax is right, the field. */
export function readTrace(text: string, file: string): TraceFile {
  const { traceEvents, baseTimeNanoseconds = 0, distributedInfo, deviceProperties } = checked(head, jsonOf(text, file), file, []);
  const spans: Span[] = [];
  const processNames = new Map<string, string>();
  const peakBytes = new Map<string, number>();
  for (const [index, event] of traceEvents.entries()) {
    if (typeof event !== "object" || event === null) throw new UserError("Expected an event, an object.", { file, field: `traceEvents[${index}]` });
    const { ph, cat, name, pid, args } = event as { readonly [key: string]: unknown };
    if (ph === "X" && typeof cat === "string" && usedCategories.has(cat)) {
      const span = checked(used, event, file, ["traceEvents", index]);
      spans.push({ name: span.name, category: cat, process: String(span.pid), thread: String(span.tid), startUs: span.ts, endUs: span.ts + span.dur, arguments: span.args ?? {} });
    } else if (ph === "M" && name === "process_name") {
      const named = (args as { readonly name?: unknown } | undefined)?.name;
      if (typeof named === "string") processNames.set(String(pid), named.slice(0, 512));
    } else if (name === "[memory]") {
      const bytes = (args as Readonly<Record<string, unknown>> | undefined)?.["Total Allocated"];
      if (typeof bytes === "number" && Number.isFinite(bytes)) peakBytes.set(String(pid), Math.max(peakBytes.get(String(pid)) ?? 0, bytes));
    }
  }
  return {
    file, baseUs: baseTimeNanoseconds / 1000, spans, processNames, peakBytes,
    ...(distributedInfo && { rank: distributedInfo.rank, ...(distributedInfo.world_size !== undefined && { worldSize: distributedInfo.world_size }) }),
    ...(deviceProperties?.[0]?.name !== undefined && { deviceName: deviceProperties[0].name }),
  };
}

function jsonOf(text: string, file: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`This is not JSON: ${(error as Error).message}.`, { file });
  }
  // Chrome's other form is the list of events alone.
  return Array.isArray(value) ? { traceEvents: value } : value;
}

function checked<T>(schema: z.ZodType<T>, value: unknown, file: string, path: readonly PropertyKey[]): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${issue.message}.`, { file, field: fieldPath([...path, ...issue.path]) });
}
