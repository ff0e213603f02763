/** Activations and gradients between the stages of each replica. */
import type { Plan } from "../model/plan";
import type { Operation } from "../model/program";
import { crossingBytes } from "../model/workload";
import type { Transfer } from "../schedule/communication";
import type { Context } from "../simulate/context";
import { conditions } from "../simulate/selfConditioning";
import { crossingsOf, microbatchSamples, stageDevices } from "./placement";

/** Transfers of the passes in `lists` (one list per rank, no communication yet); none between stages on one device. */
export function passTransfers(plan: Plan, context: Context, lists: readonly (readonly Operation[])[], replicas: readonly number[]): readonly Transfer[] {
  const samples = microbatchSamples(plan);
  const { microbatches } = plan.batch;
  const indexOf = passIndices(plan, lists);
  const transfers: Transfer[] = [];
  plan.chains.forEach(({ id: chain, stages }, c) => {
    const crossings = crossingsOf(plan, context, c);
    const isConditioned = conditions(context.workload.chains[c].chain);
    if (isConditioned) feedback(plan, context, c, indexOf, replicas, transfers);
    for (let s = 0; s + 1 < stages.length; s++) {
      const { forward, backward } = crossings[s];
      for (const replica of replicas) {
        for (const { above, below, share } of pairsOf(stageDevices(plan, c, s, replica), stageDevices(plan, c, s + 1, replica))) {
          const bytes = { forward: crossingBytes(forward, samples * share), backward: backward ? crossingBytes(backward, samples * share) : 0 };
          for (let microbatch = 0; microbatch < microbatches; microbatch++) {
            const at = (rank: number, stage: number, pass: IndexedPass) => indexOf(rank, c, stage, microbatch, pass);
            transfers.push({ iteration: 0, chain, channel: "forward", microbatch, stage: s, source: above, destination: below, after: at(above, s, "forward"), before: at(below, s + 1, "forward"), tensors: forward.tensors, bytes: bytes.forward });
            if (isConditioned) transfers.push({ iteration: 0, chain, channel: "selfConditioning", microbatch, stage: s, source: above, destination: below, after: at(above, s, "again"), before: at(below, s + 1, "again"), tensors: forward.tensors, bytes: bytes.forward });
            if (!backward) continue;
            transfers.push({ iteration: 0, chain, channel: "backward", microbatch, stage: s + 1, source: below, destination: above, after: at(below, s + 1, "backward"), before: at(above, s, "backward"), tensors: backward.tensors, bytes: bytes.backward });
          }
        }
      }
    }
  });
  return transfers;
}

/** What the last stage predicts for a micro-batch goes to the first stage's forward pass of it. */
function feedback(plan: Plan, { workload }: Context, c: number, indexOf: ReturnType<typeof passIndices>, replicas: readonly number[], transfers: Transfer[]): void {
  const { id: chain, stages } = plan.chains[c];
  const stage = stages.length - 1;
  const perSample = workload.chains[c].chain.selfConditioning?.feedbackBytesPerSample ?? 0;
  for (const replica of replicas) {
    for (const { above: source, below: destination, share } of pairsOf(stageDevices(plan, c, stage, replica), stageDevices(plan, c, 0, replica))) {
      const bytes = perSample * microbatchSamples(plan) * share;
      for (let microbatch = 0; microbatch < plan.batch.microbatches; microbatch++) {
        transfers.push({ iteration: 0, chain, channel: "selfConditioning", microbatch, stage, toStage: 0, source, destination, after: indexOf(source, c, stage, microbatch, "again"), before: indexOf(destination, c, 0, microbatch, "forward"), bytes });
      }
    }
  }
}

/** Who sends whom which share of a micro-batch, where each side splits it evenly. */
function pairsOf(upper: readonly number[], lower: readonly number[]): readonly { readonly above: number; readonly below: number; readonly share: number }[] {
  return upper.flatMap((above, i) =>
    lower.flatMap((below, j) => {
      const share = Math.min((i + 1) / upper.length, (j + 1) / lower.length) - Math.max(i / upper.length, j / lower.length);
      return above !== below && share > 1e-9 ? [{ above, below, share }] : [];
    }),
  );
}

/** "again": the self-conditioning pass. */
type IndexedPass = "forward" | "backward" | "again";

/** Where a rank's list has the forward pass of a micro-batch, its self-conditioning pass, or the pass that makes the gradient of its input (B or I). */
function passIndices(plan: Plan, lists: readonly (readonly Operation[])[]) {
  const { microbatches } = plan.batch;
  const offsets: number[] = [];
  let count = 0;
  const chainOf = new Map<string, number>();
  plan.chains.forEach(({ id, stages }, c) => {
    chainOf.set(id, c);
    offsets.push(count);
    count += stages.length;
  });
  const slotOf = (chain: number, stage: number, microbatch: number) => (offsets[chain] + stage) * microbatches + microbatch;
  const found = lists.map((list) => {
    if (list.length === 0) return undefined;
    const at = { forward: new Int32Array(count * microbatches), backward: new Int32Array(count * microbatches), again: new Int32Array(count * microbatches) };
    list.forEach((op, i) => {
      const pass = op.op === "F" ? at.forward : op.op === "B" || op.op === "I" ? at.backward : op.op === "SELF_COND" ? at.again : undefined;
      if (pass) pass[slotOf(chainOf.get(op.chain ?? "") ?? 0, op.stage ?? 0, op.microbatch ?? 0)] = i;
    });
    return at;
  });
  return (rank: number, chain: number, stage: number, microbatch: number, pass: IndexedPass) => found[rank]?.[pass][slotOf(chain, stage, microbatch)] ?? 0;
}
