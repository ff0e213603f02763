/** Which tensors a message carries, by name and size. */
import type { Profile } from "../../model/profile";
import type { Operation, Program } from "../../model/program";
import type { TimelineOperation } from "../../model/timeline";

export interface CarriedTensor {
  readonly id: string;
  readonly bytes: number;
}

/** Empty for what is no message, and where the profile does not name tensors. */
export function tensorsOf(operation: TimelineOperation, program: Program, profile: Profile): readonly CarriedTensor[] {
  if (operation.stream !== "communication") return [];
  const ids = program.ranks[operation.device]?.operations.find((other) => isSame(other, operation))?.tensors ?? [];
  const sizes = ids.flatMap((id) => profile.tensors?.find((tensor) => tensor.id === id) ?? []);
  const fixed = sizes.reduce((sum, { bytesFixed = 0 }) => sum + bytesFixed, 0);
  const perSample = sizes.reduce((sum, { bytesPerSample }) => sum + bytesPerSample, 0);
  // A message may carry a part of a micro-batch: its bytes say how much.
  const samples = perSample > 0 ? Math.max(0, (operation.bytes ?? 0) - fixed) / perSample : 0;
  return sizes.map(({ id, bytesPerSample, bytesFixed = 0 }) => ({ id, bytes: bytesPerSample * samples + bytesFixed })).sort((a, b) => b.bytes - a.bytes);
}

/** A timeline's operation is that of its program in another iteration. */
function isSame(a: Operation, b: TimelineOperation): boolean {
  const fields = ["op", "channel", "direction", "peer", "chain", "stage", "microbatch", "component"] as const;
  return fields.every((field) => a[field] === b[field]) && a.samples?.join() === b.samples?.join();
}
