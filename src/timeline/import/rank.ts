/** One rank's trace as operations: what its annotations name, as long as the device worked for them. */
import { communicationOf, isCommunication, meaningOf, stepOf, type Meaning } from "./names";
import type { RankTrace } from "./ranks";
import { byStart, outermost, spanOf, type Pass } from "./spans";
import { Stretches } from "./stretches";
import type { Tally } from "./tally";
import type { Span } from "./traceFile";
import { unnamedPasses } from "./unnamed";

/** An operation on the clock of the trace's file. */
export interface Placed {
  readonly meaning: Meaning;
  readonly stream: "compute" | "communication";
  readonly iteration: number;
  readonly startUs: number;
  readonly endUs: number;
}

export interface PlacedRank {
  readonly placed: readonly Placed[];
  /** Its passes have no names and were told apart by what was computed in them. */
  readonly isGuessed: boolean;
}

const trained = new Set<string>(["F", "I", "W", "B", "OVERLAP_F_B"]);
const sent = new Set<string>(["SEND", "RECV", "REDUCE", "UNSHARD"]);

/**
 * A pass lasts from the first to the last of the computing that was started in its annotation: kernels where the rank has a GPU,
 * else operators of the CPU. Waiting for other ranks, which PyTorch does inside the annotation of a pass, is so left out of it.
 * What has no place is added to `notPlaced`.
 */
export function placeRank({ spans }: RankTrace, components: ReadonlySet<string>, notPlaced: Tally): PlacedRank {
  const annotations = spans.filter(({ category, name }) => category === "user_annotation" && stepOf(name) === undefined);
  const steps = outermost(spans.filter(({ category, name }) => category === "user_annotation" && stepOf(name) !== undefined));
  const operators = outermost(spans.filter(({ category }) => category === "cpu_op"));
  const known = outermost(annotations.flatMap((span): readonly Pass[] => {
    const meaning = meaningOf(span.name, components);
    return meaning ? [{ ...span, meaning }] : [];
  }));
  const guessed = known.some(({ meaning: { op } }) => trained.has(op)) ? [] : unnamedPasses(operators, steps, annotations);
  const passes = [...known, ...guessed].sort((a, b) => a.startUs - b.startUs);
  const inPasses = new Stretches(passes);
  const collectives = collectivesOf(spans);
  const isCollective = (name: string) => collectives.length > 0 && shared.has(communicationOf(name) ?? "");
  // An annotation of the user's own about passes is what holds them together, and has no place to look for.
  const others = outermost(annotations.filter((span) => meaningOf(span.name, components) === undefined && !inPasses.touch(span) && !isCollective(span.name)));
  const inOthers = new Stretches(others);
  const work = workOf(spans, operators, notPlaced);
  const iterations = iterationsOf(steps, passes);
  const taken = new Set<Span>();
  /** Collectives that an action of the schedule already stands for. */
  const named = new Set<Span>();
  const inNamed = new Stretches(passes.filter(({ meaning }) => shared.has(meaning.op)));
  const placed = passes.flatMap((pass, index) => {
    const own = startedIn(work, pass.startUs, pass.endUs);
    for (const span of own) {
      taken.add(span);
      if (shared.has(pass.meaning.op)) named.add(span);
    }
    // Nothing is gathered or reduced of a stage that is not sharded; the schedule has the action all the same.
    if (own.length === 0 && work.length > 0 && shared.has(pass.meaning.op)) return [];
    const iteration = iterations.ofPass(index);
    if (iteration !== undefined) return operationsOf(pass, own, iteration);
    notPlaced.add(`${pass.name} (outside of every ProfilerStep)`, pass.endUs - pass.startUs);
    return [];
  });
  for (const { span, op } of collectives) {
    if (span.category === "kernel" ? named.has(span) : inNamed.touch(span)) continue;
    const iteration = iterations.at(span.startUs);
    if (iteration === undefined) notPlaced.add(`${span.name} (outside of every ProfilerStep)`, span.endUs - span.startUs);
    else placed.push({ meaning: { op }, stream: "communication", iteration, startUs: span.startUs, endUs: span.endUs });
  }
  for (const { name, startUs, endUs } of others) notPlaced.add(name, endUs - startUs);
  for (const { span, startUs } of work) if (!taken.has(span) && !isCollective(span.name) && !inOthers.touch({ startUs, endUs: startUs })) notPlaced.add(span.name, span.endUs - span.startUs);
  return { placed, isGuessed: guessed.length > 0 };
}

const shared = new Set<string>(["REDUCE", "UNSHARD"]);

/** What all ranks of a group do together: NCCL's kernels where there are kernels, else what the backend annotates from its start to its end. */
function collectivesOf(spans: readonly Span[]): readonly { readonly span: Span; readonly op: "REDUCE" | "UNSHARD" }[] {
  const category = spans.some((span) => span.category === "kernel") ? "kernel" : "user_annotation";
  return spans.flatMap((span) => {
    const op = span.category === category ? communicationOf(span.name) : undefined;
    return op === "REDUCE" || op === "UNSHARD" ? [{ span, op }] : [];
  });
}

/** The pass, and, where its schedule has no actions of their own for it, what it received and sent. */
function operationsOf({ meaning, startUs, endUs }: Pass, own: readonly Span[], iteration: number): readonly Placed[] {
  if (sent.has(meaning.op)) {
    const span = spanOf(own.filter(({ category, name }) => category === "kernel" && isCommunication(name))) ?? { startUs, endUs };
    return [{ meaning, stream: "communication", iteration, ...span }];
  }
  const computing = spanOf(own.filter(({ name }) => !isCommunication(name))) ?? { startUs, endUs };
  const pass: Placed = { meaning, stream: "compute", iteration, ...computing };
  if (meaning.stage !== undefined || (meaning.op !== "F" && meaning.op !== "B")) return [pass];
  const channel = meaning.op === "F" ? "forward" as const : "backward" as const;
  const transfers = (["RECV", "SEND"] as const).flatMap((op): Placed[] => {
    const span = spanOf(own.filter((other) => communicationOf(directionName(other)) === op));
    if (!span) return [];
    // A receive lasts until the rank goes on: its operator only says that one is expected.
    const until = op === "RECV" && own.every(({ category }) => category === "cpu_op") ? Math.max(span.endUs, computing.startUs) : span.endUs;
    return [{ meaning: { op, channel, microbatch: meaning.microbatch }, stream: "communication", iteration, startUs: span.startUs, endUs: until }];
  });
  return [transfers.find(({ meaning: { op } }) => op === "RECV"), pass, transfers.find(({ meaning: { op } }) => op === "SEND")].filter((one) => one !== undefined);
}

/** NCCL's kernels have one name for both ways; what was asked for is in their arguments. */
function directionName({ name, arguments: given }: Span): string {
  const asked = given["Collective name"];
  return isCommunication(name) && typeof asked === "string" ? `c10d:${asked}` : name;
}

interface Started {
  readonly span: Span;
  /** When the CPU started it. */
  readonly startUs: number;
}

/** What the rank's device did, in order of when the CPU started it. */
function workOf(spans: readonly Span[], operators: readonly Span[], notPlaced: Tally): readonly Started[] {
  const kernels = spans.filter(({ category }) => category === "kernel" || category === "gpu_memcpy" || category === "gpu_memset");
  if (kernels.length === 0) return operators.map((span) => ({ span, startUs: span.startUs }));
  const launches = new Map<unknown, number>();
  for (const { category, arguments: given, startUs } of spans) {
    if ((category === "cuda_runtime" || category === "cuda_driver") && given.correlation !== undefined) launches.set(given.correlation, startUs);
  }
  return kernels.flatMap((span) => {
    const startUs = launches.get(span.arguments.correlation);
    if (startUs !== undefined) return [{ span, startUs }];
    notPlaced.add(`${span.name} (without its launch)`, span.endUs - span.startUs);
    return [];
  }).sort((a, b) => a.startUs - b.startUs);
}

function startedIn(work: readonly Started[], fromUs: number, toUs: number): readonly Span[] {
  return work.slice(byStart.left(work, fromUs), byStart.left(work, toUs)).map(({ span }) => span);
}

interface Iterations {
  ofPass(index: number): number | undefined;
  at(us: number): number | undefined;
}

/** N of the ProfilerStep#N that something began in; without such steps, of a pass how often it had been there before. */
function iterationsOf(steps: readonly Span[], passes: readonly Pass[]): Iterations {
  if (steps.length > 0) {
    const at = (us: number) => {
      const step = steps[byStart.right(steps, us) - 1];
      return step && us < step.endUs ? stepOf(step.name) : undefined;
    };
    return { at, ofPass: (index) => at(passes[index].startUs) };
  }
  const seen = new Map<string, number>();
  const counts = passes.map(({ name }) => {
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return count;
  });
  return { ofPass: (index) => counts[index], at: (us) => counts[byStart.right(passes, us) - 1] };
}

