/** Frozen work waits for frozen work: on one device what makes a value stands before what takes it. */
import type { Fill, Range } from "../model/plan";
import type { Operation } from "../model/program";
import type { Workload } from "../model/workload";
import { makes, overlap, uses, type FrozenLayers } from "./frozenTransfers";

interface OrderedFill extends FrozenLayers {
  readonly operation: Operation;
  readonly samples: Range;
}

/** The first of a rank's fills that stands before another one on the rank whose results it needs; undefined where there is none. */
export function fillBeforeItsInput(operations: readonly Operation[], { frozen, encodings }: Workload): Operation | undefined {
  const fills = operations.flatMap((operation): OrderedFill[] => {
    const { op, component, layers, samples } = operation;
    const part = op === "FILL" ? frozen.findIndex((known) => known.component === component) : -1;
    return part >= 0 && layers && samples ? [{ operation, part, layers, samples }] : [];
  });
  const needs = (user: OrderedFill, maker: OrderedFill): boolean => {
    if (user.operation.iteration !== maker.operation.iteration || !overlap(user.samples, maker.samples)) return false;
    if (user.part === maker.part) return maker.layers[1] <= user.layers[0];
    return encodings.some((encoding) => makes(maker, encoding) && uses(encoding, user));
  };
  return fills.find((user, at) => fills.slice(at + 1).some((maker) => needs(user, maker)))?.operation;
}

/** Which of a plan's fills an operation of a rank is; -1 for none. */
export function fillOf(fills: readonly Fill[], rank: number, { component, layers, samples }: Operation): number {
  return fills.findIndex((fill) => fill.device === rank && fill.component === component && fill.from === layers?.[0] && fill.samples[0] === samples?.[0]);
}
