/** What onnxruntime's own profiler says about one run: which kernels ran, where, and on which types. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { createSession, type SessionSettings } from "./sessions";

export interface Kernel {
  readonly op: string;
  /** Whether the CPU provider ran it. */
  readonly onCpu: boolean;
  /** onnxruntime's names of its inputs' types, e.g. "float16". */
  readonly inputTypes: readonly string[];
}

export interface ProfiledRun {
  readonly outputs: InferenceSession.OnnxValueMapType;
  readonly kernels: readonly Kernel[];
}

interface ProfileEvent {
  readonly cat?: string;
  readonly args?: { readonly op_name?: string; readonly provider?: string; readonly input_type_shape?: readonly Readonly<Record<string, unknown>>[] };
}

/** Kernels from the text of an onnxruntime profile. */
export function kernelsIn(profile: string): readonly Kernel[] {
  return (JSON.parse(profile) as ProfileEvent[]).flatMap(({ cat, args }) =>
    cat === "Node" && args?.op_name && args.provider
      ? [{ op: args.op_name, onCpu: args.provider === "CPUExecutionProvider", inputTypes: (args.input_type_shape ?? []).flatMap((input) => Object.keys(input)) }]
      : [],
  );
}

/** Runs a model without feeds once, under the profiler. */
export async function profiledRun(model: Uint8Array, settings: SessionSettings): Promise<ProfiledRun> {
  const folder = await mkdtemp(join(tmpdir(), "diffusionpipe-measure-"));
  try {
    const session = await createSession(model, { ...settings, profilePrefix: join(folder, "run") });
    const outputs = await session.run({});
    session.endProfiling();
    await session.release();
    const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), "utf8")));
    return { outputs, kernels: texts.flatMap(kernelsIn) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
