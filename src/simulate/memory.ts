/** Memory per device over one settled iteration, counted from the program: no allocator, no fragmentation. */
import { crossingBytes, stageCrossings, type Workload } from "../model/workload";
import type { Range, Stage } from "../model/plan";
import type { Operation, Program, RankProgram } from "../model/program";
import type { Context } from "./context";
import { stageBytes } from "./durations";
import { isPass, type Simulation } from "./engine";

export interface MemoryUse {
  readonly peakBytes: number;
  /** What is held between iterations: weights, gradients, optimizer states, EMA, encodings for the coming iteration. */
  readonly baseBytes: number;
  /** [ms, bytes] steps of the last iteration, in its own times. */
  readonly steps: readonly (readonly [number, number])[];
}

/** What of a program decides its memory. */
export interface Held extends Pick<Program, "batch" | "dataParallel" | "optimizer"> {
  readonly chains: readonly { readonly id: string; readonly stages: readonly Stage[] }[];
  readonly ranks: readonly Pick<RankProgram, "rank" | "prologue" | "operations">[];
}

/** One figure per rank. Prologue and data loading are not counted. */
export function memoryUse(program: Held, context: Context, simulation: Simulation): readonly MemoryUse[] {
  const held = heldStages(program);
  const bytesOf = passBytes(program, context);
  const { start, end } = simulation.last;
  const { like } = simulation.graph;
  const passes: ReturnType<typeof bytesOf>[] = [];
  let first = 0;
  return program.ranks.map(({ rank, operations }) => {
    const changes = new Changes();
    const { own, made } = arrivingEncodings(program, context.workload, rank, held[rank]);
    let arriving = 0;
    let leaving = 0;
    operations.forEach((op, i) => {
      const from = start[first + i];
      const to = end[first + i];
      // Encodings for the coming iteration come in while those of this one are still held; at its end they take their place.
      for (; made[arriving]?.op === i; arriving++) {
        changes.add(from, made[arriving].bytes);
        leaving += made[arriving].bytes;
      }
      if (isPass(op.op)) {
        const { taken, given, workspace } = (passes[like[first + i]] ??= bytesOf(op));
        changes.add(from, taken + workspace);
        changes.add(to, -given - workspace);
      } else if (op.op === "FILL") {
        const fill = fillBytes(context.workload, op);
        changes.add(from, fill.workspace + fill.output);
        changes.add(to, -fill.workspace - fill.input);
      } else if (op.channel === "intermediate") changes.add(to, (op.op === "SEND" ? -1 : 1) * ((op.bytes ?? 0) - fixedBytes(context.workload, op)));
    });
    const lastBackward = operations.findLastIndex((op) => op.op === "B" || op.op === "I" || op.op === "W");
    const listEnd = operations.length > 0 ? end[first + operations.length - 1] : 0;
    changes.add(own.serves === 1 ? listEnd : end[first + lastBackward], -leaving);
    first += operations.length;
    const baseBytes = residentBytes(program, context, rank, held[rank]) + (own.serves === 1 ? own.bytes : 0);
    return { baseBytes, ...changes.accumulated(baseBytes) };
  });
}

/** What is taken (above 0) and given back (below) over time. Changes come nearly in order, so each is put in its place at once. */
class Changes {
  private readonly times: number[] = [];
  private readonly bytes: number[] = [];

  add(ms: number, bytes: number): void {
    if (bytes === 0) return;
    const { times, bytes: amounts } = this;
    let at = times.length;
    for (; at > 0 && (times[at - 1] > ms || (times[at - 1] === ms && amounts[at - 1] > bytes)); at--) {
      times[at] = times[at - 1];
      amounts[at] = amounts[at - 1];
    }
    times[at] = ms;
    amounts[at] = bytes;
  }

  accumulated(base: number): Pick<MemoryUse, "peakBytes" | "steps"> {
    const steps: [number, number][] = [];
    let level = base;
    let peakBytes = base;
    this.times.forEach((ms, i) => {
      level += this.bytes[i];
      const last = steps.at(-1);
      if (last && last[0] === ms) last[1] = level;
      else steps.push([ms, level]);
      peakBytes = Math.max(peakBytes, level);
    });
    return { peakBytes, steps };
  }
}

/** A stage that a rank holds, and for which samples of the global batch. */
interface HeldStage {
  readonly chain: number;
  readonly from: number;
  readonly to: number;
  readonly samples: readonly Range[];
}

function heldStages(program: Held): readonly (readonly HeldStage[])[] {
  const { global, microbatches } = program.batch;
  const share = global / program.dataParallel;
  const held: HeldStage[][] = program.ranks.map(() => []);
  program.chains.forEach(({ stages }, chain) =>
    stages.forEach(({ from, to, devices }) => {
      const width = devices.length / program.dataParallel;
      const each = share / microbatches / width;
      devices.forEach((rank, d) => {
        const start = Math.floor(d / width) * share;
        const ranges = Array.from({ length: width === 1 ? 1 : microbatches }, (_, m) => start + m * (share / microbatches) + (d % width) * each);
        held[rank].push({ chain, from, to, samples: width === 1 ? [[start, start + share]] : ranges.map((at) => [at, at + each] as const) });
      });
    }),
  );
  return held;
}

/** Weights, gradients, optimizer states and EMA of the rank's stages, and the frozen layers that it ever runs. */
function residentBytes(program: Held, context: Context, rank: number, held: readonly HeldStage[]): number {
  let bytes = 0;
  const stages = new Set<string>();
  for (const { chain, from, to } of held) {
    if (stages.has(`${chain} ${from}`)) continue;
    stages.add(`${chain} ${from}`);
    const own = stageBytes(program, context, chain, from, to);
    bytes += own.weights + own.gradients + own.optimizer + own.ema;
  }
  const parts = new Map(context.workload.frozen.map(({ component, layers }) => [component, { layers, isHeld: new Uint8Array(layers.length) }]));
  const { prologue, operations } = program.ranks[rank];
  for (const list of [prologue, operations]) {
    for (const { op, component, layers } of list) {
      const part = op === "FILL" && layers ? parts.get(component ?? "") : undefined;
      for (let layer = layers?.[0] ?? 0; part && layers && layer < layers[1]; layer++) {
        if (!part.isHeld[layer]) bytes += part.layers[layer].paramBytes;
        part.isHeld[layer] = 1;
      }
    }
  }
  return bytes;
}

/**
 * What a pass takes at its start and gives back at its end, and the room it works in. A forward pass saves activations until
 * the input's gradient (I) and until the weights' (W) are made; B makes both. Where the program computes activations again, the
 * forward pass keeps no more than what came into the stage. A self-conditioning pass saves nothing; its prediction, as small as a
 * latent image, is not counted.
 */
function passBytes(program: Held, { workload, costs }: Context): (op: Operation) => { taken: number; given: number; workspace: number } {
  const recomputes = program.ranks.some(({ operations }) => operations.some(({ op }) => op === "R"));
  const chains = new Map(program.chains.map(({ id, stages }, c) => [id, { c, stages, crossings: stageCrossings(workload.chains[c], stages.map(({ to }) => to), stages.map(({ devices }) => devices[0])) }]));
  return (op) => {
    const chain = chains.get(op.chain ?? "");
    const stage = chain?.stages[op.stage ?? 0];
    if (!chain || !stage) return { taken: 0, given: 0, workspace: 0 };
    const samples = program.batch.global / program.batch.microbatches / stage.devices.length;
    const sums = costs.bytes(chain.c, program.optimizer.gradDtype);
    const saved = (name: "untilInputGrad" | "untilWeightGrad") => (sums[name][stage.to] - sums[name][stage.from]) * samples;
    const input = op.stage ? crossingBytes(chain.crossings[op.stage - 1].forward, samples) : 0;
    const workspace = workload.chains[chain.c].layers.slice(stage.from, stage.to).reduce((bytes, layer) => Math.max(bytes, layer.workspaceBytes ?? 0), 0);
    const [inputs, weights] = [saved("untilInputGrad"), saved("untilWeightGrad")];
    const kept = recomputes ? input : 0;
    switch (op.op) {
      case "F":
        return { taken: recomputes ? input : inputs + weights, given: 0, workspace };
      case "SELF_COND":
        return { taken: 0, given: 0, workspace };
      case "R":
        return { taken: inputs + weights, given: 0, workspace };
      case "B":
        return { taken: 0, given: inputs + weights + kept, workspace };
      case "I":
        return { taken: 0, given: inputs + kept, workspace };
      case "W":
        return { taken: 0, given: weights, workspace };
      default:
        return { taken: 0, given: 0, workspace };
    }
  };
}

function count(samples: Range | undefined): number {
  return samples ? samples[1] - samples[0] : 0;
}

/**
 * What a fill takes over from the layer before, what it leaves for the layer after, and what it needs in between. What does not
 * grow with the samples (an attention mask) is there while the fill runs, however many fills share the samples.
 */
function fillBytes(workload: Workload, op: Operation): { input: number; output: number; workspace: number } {
  const part = workload.frozen.find((candidate) => candidate.component === op.component);
  if (!part || !op.layers) return { input: 0, output: 0, workspace: 0 };
  const samples = count(op.samples);
  const at = (layer: number) => (layer < part.to ? part.crossings[layer].perSample * samples : 0);
  const fixed = (layer: number) => (layer < part.to ? part.crossings[layer].fixed : 0);
  let workspace = 0;
  for (let layer = op.layers[0]; layer < op.layers[1]; layer++) workspace = Math.max(workspace, part.layers[layer].workspaceBytes ?? 0, at(layer) + fixed(layer), fixed(op.layers[1]));
  return { input: at(op.layers[0]), output: at(op.layers[1]), workspace };
}

/** Of a message between fills, what does not grow with its samples. */
function fixedBytes(workload: Workload, { component, tensors = [] }: Operation): number {
  const crossings = workload.frozen.find((part) => part.component === component)?.crossings ?? [];
  return crossings.find((crossing) => crossing.tensors.length === tensors.length && crossing.tensors.every((id, i) => id === tensors[i]))?.fixed ?? 0;
}

/**
 * Encodings of a rank: what its own stage will use (`own`), and when they come to be there (`made`: by a fill of its own, or
 * by a message at its end). What a fill makes for others only leaves at the list's end.
 */
function arrivingEncodings(program: Held, workload: Workload, rank: number, held: readonly HeldStage[]) {
  const uses = workload.encodings.map(({ positions }) => held.filter(({ chain, from, to }) => positions[chain].some((position) => position >= from && position < to)).flatMap(({ samples }) => samples).filter((range, i, all) => all.findIndex((other) => other[0] === range[0] && other[1] === range[1]) === i));
  const ownSamples = (encoding: number, samples: Range) => uses[encoding].reduce((total, [from, to]) => total + Math.max(0, Math.min(samples[1], to) - Math.max(samples[0], from)), 0);
  const made: { op: number; bytes: number }[] = [];
  let bytes = 0;
  const serves = program.ranks[rank].operations.find((op) => op.op === "FILL" || op.op === "REDISTRIBUTE")?.iteration ?? 0;
  program.ranks[rank].operations.forEach((op, i) => {
    if (op.op === "FILL" && op.layers) {
      for (const [e, encoding] of workload.encodings.entries()) {
        if (workload.frozen[encoding.part].component !== op.component || encoding.layer < op.layers[0] || encoding.layer >= op.layers[1]) continue;
        const samples = count(op.samples);
        made.push({ op: i, bytes: crossingBytes(encoding, samples) });
        const used = op.samples ? ownSamples(e, op.samples) : 0;
        if (used > 0) bytes += crossingBytes(encoding, used);
      }
    } else if (op.op === "REDISTRIBUTE" && op.direction === "receive") {
      made.push({ op: i, bytes: op.bytes ?? 0 });
      bytes += op.bytes ?? 0;
    }
  });
  return { own: { bytes, serves }, made };
}
