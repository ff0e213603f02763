/** What frozen work makes other ranks wait for: activations between fills, and finished encodings on their way to the stages. */
import type { Operation } from "../model/program";
import type { Plan, Range } from "../model/plan";
import { crossingBytes, type Encoding, type Workload } from "../model/workload";
import type { Transfer } from "../schedule/communication";
import { replicaSamples } from "./stages";

interface PlacedFill {
  readonly rank: number;
  readonly index: number;
  readonly part: number;
  readonly layers: Range;
  readonly samples: Range;
  readonly iteration: 0 | 1;
}

function overlap(a: Range, b: Range): Range | undefined {
  const from = Math.max(a[0], b[0]);
  const to = Math.min(a[1], b[1]);
  return from < to ? [from, to] : undefined;
}

function placedFills(lists: readonly (readonly Operation[])[], workload: Workload): readonly PlacedFill[] {
  const partOf = new Map(workload.frozen.map((part, p) => [part.component, p]));
  return lists.flatMap((list, rank) =>
    list.flatMap((op, index): PlacedFill[] => {
      const part = op.component === undefined ? undefined : partOf.get(op.component);
      if (op.op !== "FILL" || part === undefined || !op.layers || !op.samples) return [];
      return [{ rank, index, part, layers: op.layers, samples: op.samples, iteration: op.iteration }];
    }),
  );
}

/**
 * Transfers of the fills in `lists` (one list per rank, no communication yet). Encodings of a fill that serves this iteration
 * are wanted before the rank's first pass, those for the next at the list's end.
 */
export function frozenTransfers(plan: Plan, workload: Workload, lists: readonly (readonly Operation[])[]): readonly Transfer[] {
  const fills = placedFills(lists, workload);
  const byPart = workload.frozen.map((_, p) => fills.filter((fill) => fill.part === p));
  const firstPass = lists.map((list) => {
    const index = list.findIndex((op) => op.op === "F");
    return index < 0 ? list.length : index;
  });
  return [
    ...fills.flatMap((fill) => (fill.layers[0] > 0 ? betweenLayers(workload, fill, byPart[fill.part]) : betweenParts(workload, fill, byPart))),
    ...fills.flatMap((fill) => toStages(plan, workload, fill, (rank) => (fill.iteration === 1 ? lists[rank].length : firstPass[rank]))),
  ];
}

function betweenLayers(workload: Workload, fill: PlacedFill, others: readonly PlacedFill[]): readonly Transfer[] {
  const part = workload.frozen[fill.part];
  const crossing = part.crossings[fill.layers[0]];
  return others.flatMap((maker): Transfer[] => {
    if (maker.rank === fill.rank || maker.layers[1] !== fill.layers[0] || maker.iteration !== fill.iteration) return [];
    const samples = overlap(maker.samples, fill.samples);
    return samples ? [move("intermediate", maker, fill, part.component, samples, crossing.tensors, crossingBytes(crossing, samples[1] - samples[0]))] : [];
  });
}

function betweenParts(workload: Workload, fill: PlacedFill, byPart: readonly (readonly PlacedFill[])[]): readonly Transfer[] {
  return workload.encodings.flatMap((encoding): Transfer[] => {
    if (!encoding.parts.includes(fill.part)) return [];
    return byPart[encoding.part].flatMap((maker): Transfer[] => {
      if (maker.rank === fill.rank || !makes(maker, encoding) || maker.iteration !== fill.iteration) return [];
      const samples = overlap(maker.samples, fill.samples);
      const component = workload.frozen[encoding.part].component;
      return samples ? [move("encoding", maker, fill, component, samples, encoding.id === undefined ? [] : [encoding.id], crossingBytes(encoding, samples[1] - samples[0]))] : [];
    });
  });
}

function makes(fill: PlacedFill, encoding: Encoding): boolean {
  return fill.part === encoding.part && fill.layers[0] <= encoding.layer && encoding.layer < fill.layers[1];
}

function move(channel: "intermediate" | "encoding", maker: PlacedFill, fill: PlacedFill, component: string, samples: Range, tensors: readonly string[], bytes: number): Transfer {
  return { channel, iteration: fill.iteration, source: maker.rank, destination: fill.rank, after: maker.index, before: fill.index, component, samples, tensors, bytes };
}

function toStages(plan: Plan, workload: Workload, fill: PlacedFill, wanted: (rank: number) => number): readonly Transfer[] {
  const made = workload.encodings.filter((encoding) => makes(fill, encoding));
  if (made.length === 0) return [];
  return plan.chains[0].stages.flatMap((stage) => {
    const needed = made.filter((encoding) => encoding.positions.some((position) => position >= stage.from && position < stage.to));
    if (needed.length === 0) return [];
    return stage.devices.flatMap((rank, replica): Transfer[] => {
      const samples = rank === fill.rank ? undefined : overlap(fill.samples, replicaSamples(plan, replica));
      if (!samples) return [];
      const bytes = needed.reduce((total, encoding) => total + crossingBytes(encoding, samples[1] - samples[0]), 0);
      const tensors = needed.flatMap((encoding) => encoding.id ?? []);
      return [{ channel: "encoding", iteration: fill.iteration, source: fill.rank, destination: rank, after: fill.index, before: wanted(rank), component: workload.frozen[fill.part].component, samples, tensors, bytes }];
    });
  });
}
