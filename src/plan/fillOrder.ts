/** Frozen work waits for frozen work: on one device what makes a value stands before what takes it. */
import type { Fill, Range } from "../model/plan";
import type { Operation } from "../model/program";
import type { Workload } from "../model/workload";
import { makes, overlap, uses, type FrozenLayers } from "./frozenTransfers";

/** Frozen work for an iteration, as far as its order matters. */
interface OrderedFill extends FrozenLayers {
  readonly samples: Range;
  readonly iteration: 0 | 1;
}

/** Whether a fill takes what another one makes. */
function needs({ encodings }: Workload, user: OrderedFill, maker: OrderedFill): boolean {
  if (user.iteration !== maker.iteration || !overlap(user.samples, maker.samples)) return false;
  if (user.part === maker.part) return maker.layers[1] <= user.layers[0];
  return encodings.some((encoding) => makes(maker, encoding) && uses(encoding, user));
}

/** The same of a plan's fills. */
export function fillNeeds(workload: Workload, user: Fill, maker: Fill): boolean {
  const ordered = ({ component, from, to, samples, iteration = 1 }: Fill): OrderedFill => ({ part: workload.frozen.findIndex((part) => part.component === component), layers: [from, to], samples, iteration });
  return needs(workload, ordered(user), ordered(maker));
}

/** The first of a rank's fills that stands before another one on the rank whose results it needs; undefined where there is none. */
export function fillBeforeItsInput(operations: readonly Operation[], workload: Workload): Operation | undefined {
  const fills = operations.flatMap((operation): (OrderedFill & { readonly operation: Operation })[] => {
    const { op, component, layers, samples, iteration } = operation;
    const part = op === "FILL" ? workload.frozen.findIndex((known) => known.component === component) : -1;
    return part >= 0 && layers && samples ? [{ operation, part, layers, samples, iteration }] : [];
  });
  return fills.find((user, at) => fills.slice(at + 1).some((maker) => needs(workload, user, maker)))?.operation;
}

/** Which of a plan's fills an operation of a rank is; -1 for none. */
export function fillOf(fills: readonly Fill[], rank: number, { component, layers, samples }: Pick<Operation, "component" | "layers" | "samples">): number {
  return fills.findIndex((fill) => fill.device === rank && fill.component === component && fill.from === layers?.[0] && fill.samples[0] === samples?.[0]);
}
