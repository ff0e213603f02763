/** onnxruntime sessions for each provider. Only the measuring process imports this: the native library stays out of the editor. */
import { InferenceSession } from "onnxruntime-node";
import type { Provider } from "./messages";

/**
 * onnxruntime-node's own names. Core ML's newer kind of model ("ML Program") computes in the types of the graph and takes weights
 * that are not constants; the older one does neither.
 */
const backends: Readonly<Record<Provider, InferenceSession.ExecutionProviderConfig>> = {
  cuda: "cuda", directml: "dml", coreml: { name: "coreml", coreMlFlags: 0x010 }, webgpu: "webgpu", cpu: "cpu",
};

export interface SessionSettings {
  readonly provider: Provider;
  readonly threads: number;
  /** Write onnxruntime's own profile to files that begin so. */
  readonly profilePrefix?: string;
}

/**
 * Operators run one after another, as in PyTorch; threads only within an operator, and not spinning after it.
 * Equal work is not shared between the repetitions of a layer, also where it depends on weights alone.
 */
export function createSession(model: Uint8Array, { provider, threads, profilePrefix }: SessionSettings): Promise<InferenceSession> {
  return InferenceSession.create(model, {
    executionProviders: [backends[provider]],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    extra: { session: { force_spinning_stop: "1" }, optimization: { disable_specified_optimizers: "CommonSubexpressionElimination" } },
    ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
  });
}
