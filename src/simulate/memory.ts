/** Memory per device over one settled iteration, counted from the program: no allocator, no fragmentation. */
import { crossingBytes, type Workload } from "../model/workload";
import type { Operation, Program } from "../model/program";
import type { Range } from "../model/plan";
import type { Context } from "./context";
import { stageBytes } from "./durations";
import type { Simulation } from "./engine";

export interface MemoryUse {
  readonly peakBytes: number;
  /** What is held between iterations: weights, gradients, optimizer states, EMA, encodings for the coming iteration. */
  readonly baseBytes: number;
  /** [ms, bytes] steps of the last iteration, in its own times. */
  readonly steps: readonly (readonly [number, number])[];
}

/** One figure per rank. Prologue and data loading are not counted. */
export function memoryUse(program: Program, context: Context, simulation: Simulation): readonly MemoryUse[] {
  const events: [number, number][][] = program.ranks.map(() => []);
  const resident = program.ranks.map(({ rank }) => residentBytes(program, context, rank));
  const held = program.ranks.map(({ rank }) => arrivingEncodings(program, context.workload, rank));
  const { start, end } = simulation.last;
  let index = 0;
  for (const { rank, operations } of program.ranks) {
    const add = (ms: number, bytes: number) => bytes !== 0 && events[rank].push([ms, bytes]);
    const lastBackward = index + operations.map((op) => op.op).lastIndexOf("B");
    const listEnd = operations.length > 0 ? end[index + operations.length - 1] : 0;
    for (const op of operations) {
      const [from, to] = [start[index], end[index]];
      if (op.op === "F" || op.op === "B") {
        const { saved, workspace } = passBytes(program, context.workload, op);
        add(op.op === "F" ? from : to, op.op === "F" ? saved : -saved);
        add(from, workspace);
        add(to, -workspace);
      } else if (op.op === "FILL") {
        const fill = fillBytes(context.workload, op);
        add(from, fill.workspace + fill.output);
        add(to, -fill.workspace - fill.input);
      } else if (op.op === "SEND" && op.channel === "intermediate") add(to, -(op.bytes ?? 0));
      else if (op.op === "RECV" && op.channel === "intermediate") add(to, op.bytes ?? 0);
      index++;
    }
    const { own, made } = held[rank];
    // Encodings for the coming iteration come in while those of this one are still in use.
    if (own.serves === 1) add(end[lastBackward], -own.bytes);
    for (const { op, bytes } of made) add(start[index - operations.length + op], bytes);
    const leaving = made.reduce((total, { bytes }) => total + bytes, 0) - own.bytes;
    if (own.serves === 1) add(listEnd, -leaving);
    else add(end[lastBackward], -leaving - own.bytes);
  }
  return events.map((list, rank) => {
    const baseBytes = resident[rank] + (held[rank].own.serves === 1 ? held[rank].own.bytes : 0);
    return { baseBytes, ...accumulate(list, baseBytes) };
  });
}

function accumulate(events: readonly (readonly [number, number])[], base: number): Pick<MemoryUse, "peakBytes" | "steps"> {
  const sorted = [...events].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const steps: [number, number][] = [];
  let level = base;
  let peakBytes = base;
  for (const [ms, bytes] of sorted) {
    level += bytes;
    const last = steps.at(-1);
    if (last && last[0] === ms) last[1] = level;
    else steps.push([ms, level]);
    peakBytes = Math.max(peakBytes, level);
  }
  return { peakBytes, steps };
}

/** Weights, gradients, optimizer states and EMA of the rank's stage, and the frozen layers that it ever runs. */
export function residentBytes(program: Program, context: Context, rank: number): number {
  const stage = program.chains[0].stages.find((candidate) => candidate.devices.includes(rank));
  const own = stageBytes(program, context, stage?.from ?? 0, stage?.to ?? 0);
  const frozen = new Set<string>();
  let bytes = own.weights + own.gradients + own.optimizer + own.ema;
  const { prologue, operations } = program.ranks[rank];
  for (const op of [...prologue, ...operations]) {
    if (op.op !== "FILL" || !op.layers) continue;
    const part = context.workload.frozen.find((candidate) => candidate.component === op.component);
    for (let layer = op.layers[0]; part && layer < op.layers[1]; layer++) {
      const key = `${op.component} ${layer}`;
      if (!frozen.has(key)) bytes += part.layers[layer].paramBytes;
      frozen.add(key);
    }
  }
  return bytes;
}

/** Activations that a pass of one micro-batch saves until its backward pass, and the room it works in. */
function passBytes(program: Program, workload: Workload, op: Operation): { saved: number; workspace: number } {
  const samples = program.batch.global / program.dataParallel / program.batch.microbatches;
  const layers = op.layers ? workload.layers.slice(op.layers[0], op.layers[1]) : [];
  return {
    saved: layers.reduce((bytes, { savedBytesPerSample: saved }) => bytes + saved.untilInputGrad + saved.untilWeightGrad, 0) * samples,
    workspace: layers.reduce((bytes, layer) => Math.max(bytes, layer.workspaceBytes ?? 0), 0),
  };
}

function count(samples: Range | undefined): number {
  return samples ? samples[1] - samples[0] : 0;
}

/** What a fill takes over from the layer before, what it leaves for the layer after, and what it needs in between. */
function fillBytes(workload: Workload, op: Operation): { input: number; output: number; workspace: number } {
  const part = workload.frozen.find((candidate) => candidate.component === op.component);
  if (!part || !op.layers) return { input: 0, output: 0, workspace: 0 };
  const samples = count(op.samples);
  const at = (layer: number) => (layer < part.to ? crossingBytes(part.crossings[layer], samples) : 0);
  let workspace = 0;
  for (let layer = op.layers[0]; layer < op.layers[1]; layer++) workspace = Math.max(workspace, part.layers[layer].workspaceBytes ?? 0, at(layer));
  return { input: at(op.layers[0]), output: at(op.layers[1]), workspace };
}

/**
 * Encodings of a rank: what its own stage will use (`own`), and when they come to be there (`made`: by a fill of its own, or
 * by a message at its end). What a fill makes for others only leaves at the list's end.
 */
function arrivingEncodings(program: Program, workload: Workload, rank: number) {
  const stage = program.chains[0].stages.find((candidate) => candidate.devices.includes(rank));
  const uses = (position: number) => stage !== undefined && position >= stage.from && position < stage.to;
  const replica = stage?.devices.indexOf(rank) ?? 0;
  const share = program.batch.global / program.dataParallel;
  const made: { op: number; bytes: number }[] = [];
  let bytes = 0;
  const serves = program.ranks[rank].operations.find((op) => op.op === "FILL" || op.op === "REDISTRIBUTE")?.iteration ?? 0;
  program.ranks[rank].operations.forEach((op, i) => {
    if (op.op === "FILL" && op.layers) {
      for (const encoding of workload.encodings) {
        if (workload.frozen[encoding.part].component !== op.component || encoding.layer < op.layers[0] || encoding.layer >= op.layers[1]) continue;
        const samples = count(op.samples);
        made.push({ op: i, bytes: crossingBytes(encoding, samples) });
        const isOwn = op.samples && op.samples[0] >= replica * share && op.samples[1] <= (replica + 1) * share;
        if (isOwn && encoding.positions.some(uses)) bytes += crossingBytes(encoding, samples);
      }
    } else if (op.op === "REDISTRIBUTE" && op.direction === "receive") {
      made.push({ op: i, bytes: op.bytes ?? 0 });
      bytes += op.bytes ?? 0;
    }
  });
  return { own: { bytes, serves }, made };
}
