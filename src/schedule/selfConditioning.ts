/**
 * Self-conditioning in a pipeline (Chen et al., 2022): a micro-batch first makes a forward pass without gradients through all
 * stages; what it predicts goes back to the first stage and is an input of its forward pass proper. These passes run ahead of
 * the forward passes by as many micro-batches as the pipeline has stages, so that predictions are back when they are wanted.
 */
import { isPassStep, passesOf, type DeviceOrders, type PassStep } from "./generators/order";

export interface SelfConditioningStep extends Omit<PassStep, "op"> {
  readonly op: "SELF_COND";
}

export type PlacedStep = PassStep | SelfConditioningStep;

/** Relative lengths of passes, for the order only. */
const lengths: Readonly<Record<PlacedStep["op"], number>> = { F: 1, B: 2, I: 1, W: 1, SELF_COND: 1 };

/** A pass that waits on a device for its turn. */
interface Waiting {
  readonly step: PlacedStep;
  readonly ready: number;
}

/**
 * The orders with a self-conditioning pass for each forward pass of the chains that `conditioned` says. The other passes keep
 * their order; a self-conditioning pass goes first wherever both could run.
 */
export function withSelfConditioning(orders: DeviceOrders, chains: readonly { readonly stages: number; readonly conditioned: boolean }[]): readonly (readonly PlacedStep[])[] {
  const base = orders.map((steps) => (steps.every(isPassStep) ? steps : steps.flatMap(passesOf)));
  if (!chains.some(({ conditioned }) => conditioned)) return base;
  const keyOf = ({ op, chain, replica, stage, microbatch }: PlacedStep) => `${op === "B" ? "I" : op} ${chain} ${replica} ${stage} ${microbatch}`;
  const unitOf = ({ chain, replica, stage }: Pick<PassStep, "chain" | "replica" | "stage">) => `${chain} ${replica} ${stage}`;
  const holders = new Map(base.flatMap((steps, device) => steps.map((step) => [unitOf(step), device] as const)));
  const ends = new Map<string, number>();
  const placed = base.map((): PlacedStep[] => []);
  const at = base.map(() => 0);
  const free = base.map(() => 0);
  const waiting = base.map((): Waiting[] => []);
  const enter = (step: SelfConditioningStep, ready: number) => {
    const holder = holders.get(unitOf(step));
    if (holder !== undefined) waiting[holder].push({ step, ready });
  };
  const inputOf = (step: PassStep): string | undefined => {
    const { chain, stage } = step;
    const last = chains[chain].stages - 1;
    if (step.op === "F") {
      if (stage > 0) return keyOf({ ...step, stage: stage - 1 });
      return chains[chain].conditioned ? keyOf({ ...step, op: "SELF_COND", stage: last }) : undefined;
    }
    if (step.op === "W") return keyOf({ ...step, op: "I" });
    return stage < last ? keyOf({ ...step, op: "I", stage: stage + 1 }) : keyOf({ ...step, op: "F" });
  };
  const microbatchesOf = new Map<string, number>();
  for (const step of base.flat()) {
    if (step.op !== "F" || step.stage > 0) continue;
    const unit = `${step.chain} ${step.replica}`;
    microbatchesOf.set(unit, (microbatchesOf.get(unit) ?? 0) + 1);
    const { stages, conditioned } = chains[step.chain];
    if (conditioned && step.microbatch < stages) enter({ ...step, op: "SELF_COND" }, 0);
  }
  for (;;) {
    let next: { readonly device: number; readonly step: PlacedStep; readonly start: number } | undefined;
    const offer = (device: number, step: PlacedStep, ready: number) => {
      const start = Math.max(ready, free[device]);
      if (!next || start < next.start) next = { device, step, start };
    };
    for (let device = 0; device < base.length; device++) {
      if (waiting[device].length > 0) offer(device, waiting[device][0].step, waiting[device][0].ready);
      if (at[device] === base[device].length) continue;
      const step = base[device][at[device]];
      const input = inputOf(step);
      const ready = input === undefined ? 0 : ends.get(input);
      if (ready !== undefined) offer(device, step, ready);
    }
    if (!next) return placed;
    const { device, step, start } = next;
    const end = start + lengths[step.op];
    ends.set(keyOf(step), end);
    free[device] = end;
    placed[device].push(step);
    const { stages, conditioned } = chains[step.chain];
    if (step.op === "SELF_COND") {
      waiting[device].shift();
      if (step.stage + 1 < stages) enter({ ...step, stage: step.stage + 1 }, end);
    } else {
      at[device]++;
      const ahead = step.microbatch + stages;
      if (step.op === "F" && step.stage === 0 && conditioned && ahead < (microbatchesOf.get(`${step.chain} ${step.replica}`) ?? 0)) enter({ ...step, op: "SELF_COND", microbatch: ahead }, start);
    }
  }
}
