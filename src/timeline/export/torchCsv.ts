/**
 * A schedule in the grammar of PyTorch's pipelining, as its runtime's CSV has it: a line per rank, in order of start; "1F3" is the
 * forward pass of micro-batch 3 on stage 1, likewise I, W and B. Passes of the first iteration of one replica; what they send is left
 * out, since the runtime adds its own.
 */
import type { Timeline, TimelineOperation } from "../../model/timeline";

const passes = new Set<string>(["F", "I", "W", "B"]);
/** What the runtime puts in by itself. */
const implied = new Set<string>(["REDUCE", "OPTIM"]);
const impliedChannels = new Set<string>(["forward", "backward"]);

const isPass = ({ op, stage, microbatch }: TimelineOperation) => passes.has(op) && stage !== undefined && microbatch !== undefined;

export function timelineToTorchCsv(timeline: Timeline): string {
  return ranksOf(timeline).map((actions) => `${actions.map(({ op, stage, microbatch }) => `${stage}${op}${microbatch}`).join(",")}\n`).join("");
}

/** What the grammar cannot say, with how often it is there, in words; empty where the whole schedule is in the file. */
export function leftOutOfTorchCsv(timeline: Timeline): readonly string[] {
  const first = firstIteration(timeline);
  const counts = new Map<string, number>();
  for (const operation of timeline.operations) {
    if (operation.iteration !== first && operation.op !== "FILL") continue;
    const own = isPass(operation) || implied.has(operation.op) || ((operation.op === "SEND" || operation.op === "RECV") && impliedChannels.has(operation.channel ?? "forward"));
    if (!own) counts.set(operation.op, (counts.get(operation.op) ?? 0) + 1);
  }
  const chains = new Set(timeline.operations.filter(isPass).flatMap(({ chain }) => chain ?? []));
  return [
    ...[...counts].map(([op, count]) => `${op}: ${count}`),
    ...(chains.size > 1 ? [`${chains.size - 1} of ${chains.size} chains`] : []),
  ];
}

function firstIteration({ operations }: Timeline): number {
  return operations.filter(isPass).reduce((least, { iteration }) => Math.min(least, iteration), Infinity);
}

/** Of the first chain and replica: the devices, in order, that run stages which no device before them does. */
function ranksOf(timeline: Timeline): readonly (readonly TimelineOperation[])[] {
  const first = firstIteration(timeline);
  const chain = timeline.operations.find((operation) => isPass(operation) && operation.chain !== undefined)?.chain;
  const taken = new Set<number>();
  return timeline.devices.flatMap((_, device) => {
    const own = timeline.operations.filter((operation) => isPass(operation) && operation.device === device && operation.iteration === first && (operation.chain ?? chain) === chain);
    const stages = new Set(own.map(({ stage }) => stage!));
    if (own.length === 0 || [...stages].some((stage) => taken.has(stage))) return [];
    for (const stage of stages) taken.add(stage);
    return [own.sort((a, b) => a.startMs - b.startMs)];
  });
}
