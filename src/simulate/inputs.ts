/** What each operation of an iteration needs the results of, whatever else holds its rank up: the edges of a timeline. */
import type { Range } from "../model/plan";
import type { Operation, Program } from "../model/program";
import { isReceive } from "../schedule/check";
import type { Context } from "./context";
import type { Structure } from "./graph";

export interface Inputs {
  /** Operation i needs `operations[k]` for k from `from[i]` to `from[i + 1]`, exclusive. Those of the iteration before count back from -1, its last. */
  readonly from: Int32Array;
  readonly operations: readonly number[];
}

/**
 * - A pass needs its message, or the neighbouring stage's pass on the same rank; the weights of the last optimizer step; where it
 *   starts on a micro-batch, the encodings that its layers use. B and I need their forward pass (as computed again, where it
 *   is), W its I.
 * - A send needs what stands before it, a receive its send.
 * - A fill needs the layers before it and the encodings that it uses.
 * - An all-reduce needs the last gradients of its stage, the gradient norm those of all stages, the optimizer both; the EMA its step.
 */
export function inputsOf(program: Program, context: Context, structure: Structure): Inputs {
  const { operations, firstOnRank } = structure;
  const from = new Int32Array(operations.length + 1);
  const found: number[] = [];
  const ranks = rankIndex(program, context);
  for (let rank = 0; rank + 1 < firstOnRank.length; rank++) {
    const needs = ranks(structure, rank);
    for (let i = firstOnRank[rank]; i < firstOnRank[rank + 1]; i++) {
      needs(i, found);
      from[i + 1] = found.length;
    }
  }
  return { from, operations: found };
}

const none = -1;
const kinds = { F: 0, R: 1, I: 2, W: 3, SELF_COND: 4, forward: 5, backward: 6, selfConditioning: 7, encodings: 8 } as const;
type Kind = keyof typeof kinds;

/** Lists of numbers by kind, stage and micro-batch, as chains. */
class Slots {
  private readonly head: Int32Array;
  private readonly items: number[] = [];
  private readonly next: number[] = [];
  private count = 0;

  constructor(private readonly size: number) {
    this.head = new Int32Array(size * Object.keys(kinds).length).fill(none);
  }

  clear(): void {
    this.head.fill(none);
    this.count = 0;
  }

  add(kind: Kind, slot: number, item: number): void {
    const at = kinds[kind] * this.size + slot;
    this.next[this.count] = this.head[at];
    this.items[this.count] = item;
    this.head[at] = this.count++;
  }

  /** Appends the items of a slot to `to`; whether there were any. */
  copy(kind: Kind, slot: number, to: number[]): boolean {
    const first = this.head[kinds[kind] * this.size + slot];
    for (let at = first; at !== none; at = this.next[at]) to.push(this.items[at]);
    return first !== none;
  }
}

function overlap(a: Range, b: Range): boolean {
  return a[0] < b[1] && b[0] < a[1];
}

/** For one rank after another: what each of its operations needs, appended to a list. */
function rankIndex(program: Program, { workload }: Context): (structure: Structure, rank: number) => (i: number, to: number[]) => void {
  const { global, microbatches } = program.batch;
  const share = global / program.dataParallel;
  const each = share / microbatches;
  const chainOf = new Map(program.chains.map(({ id }, c) => [id, c]));
  const partOf = new Map(workload.frozen.map(({ component }, p) => [component, p]));
  const offsets: number[] = [];
  const stages = program.chains.flatMap((chain, c) => {
    offsets.push(program.chains.slice(0, c).reduce((count, other) => count + other.stages.length, 0));
    return chain.stages.map((stage, s) => {
      const uses = workload.encodings.map(({ positions }) => positions[c].some((position) => position >= stage.from && position < stage.to));
      return { ...stage, uses, usesPart: workload.frozen.map((_, p) => workload.encodings.some((encoding, e) => uses[e] && encoding.part === p)), isFirst: s === 0, isLast: s === chain.stages.length - 1 };
    });
  });
  const stageOf = (op: Operation) => (offsets[chainOf.get(op.chain ?? "") ?? 0] ?? 0) + (op.stage ?? 0);
  const makes = (op: Operation, e: number) => {
    const { part, layer } = workload.encodings[e];
    return op.layers !== undefined && partOf.get(op.component ?? "") === part && op.layers[0] <= layer && layer < op.layers[1];
  };
  const makersOf = new Map(workload.frozen.map(({ component }, p) => [component, workload.frozen.flatMap((other, o) => (workload.encodings.some(({ part, parts }) => part === o && parts.some((user) => user.part === p)) ? [other.component] : []))]));
  /** Whether `user` has layers that use encodings which `made`, a fill or a message, brings. */
  const brings = (made: Operation, user: Operation) =>
    workload.encodings.some(({ part, parts }, e) => (made.op === "FILL" ? makes(made, e) : partOf.get(made.component ?? "") === part) && parts.some((other) => other.part === partOf.get(user.component ?? "") && other.layers.some((layer) => user.layers && user.layers[0] <= layer && layer < user.layers[1])));
  const slots = new Slots(stages.length * microbatches);

  return ({ operations, firstOnRank, other }, rank) => {
    slots.clear();
    const total = operations.length;
    const places = stages.map(({ devices }) => devices.indexOf(rank));
    const replicas = places.map((at, s) => Math.floor(at / (stages[s].devices.length / program.dataParallel)));
    const lastPass = stages.map(() => none);
    const reduce = stages.map(() => none);
    const optimizer = stages.map(() => none);
    let norm = none;
    const frozen: number[] = [];
    const frozenOf = new Map<string, number[]>();
    const ownStages = new Int32Array(firstOnRank[rank + 1] - firstOnRank[rank]);
    for (let i = firstOnRank[rank]; i < firstOnRank[rank + 1]; i++) {
      const op = operations[i];
      const { op: name } = op;
      if (name === "FILL" || name === "REDISTRIBUTE") {
        if (name === "FILL" || op.direction === "receive") frozen.push(i);
        continue;
      }
      const stage = op.chain === undefined ? 0 : stageOf(op);
      ownStages[i - firstOnRank[rank]] = stage;
      const slot = stage * microbatches + (op.microbatch ?? 0);
      switch (name) {
        case "F":
        case "R":
        case "SELF_COND":
          slots.add(name, slot, i);
          break;
        case "B":
        case "I":
        case "W":
          slots.add(name === "B" ? "I" : name, slot, i);
          lastPass[stage] = i;
          break;
        case "RECV":
          if (op.channel === "forward" || op.channel === "backward" || op.channel === "selfConditioning") slots.add(op.channel, slot, i);
          else frozen.push(i);
          break;
        case "REDUCE":
          reduce[stage] = i;
          break;
        case "OPTIM":
          optimizer[stage] = i;
          break;
        case "GRAD_NORM":
          norm = i;
          break;
        default:
          break;
      }
    }
    for (const i of frozen) {
      const { component = "" } = operations[i];
      const same = frozenOf.get(component);
      if (same) same.push(i);
      else frozenOf.set(component, [i]);
    }
    // Encodings, by the micro-batches that are made of their samples.
    stages.forEach((stage, s) => {
      if (places[s] < 0) return;
      const width = stage.devices.length / program.dataParallel;
      const start = replicas[s] * share + (places[s] % width) * (each / width);
      for (const i of frozen) {
        const op = operations[i];
        const isUsed = op.op === "FILL" ? stage.uses.some((uses, e) => uses && makes(op, e)) : op.op === "REDISTRIBUTE" && stage.usesPart[partOf.get(op.component ?? "") ?? none];
        if (!isUsed || !op.samples) continue;
        const first = Math.max(0, Math.floor((op.samples[0] - start - each / width) / each));
        const last = Math.min(microbatches - 1, Math.ceil((op.samples[1] - start) / each));
        for (let m = first; m <= last; m++) {
          if (overlap(op.samples, [start + m * each, start + m * each + each / width])) slots.add("encodings", s * microbatches + m, op.iteration === 1 ? i - total : i);
        }
      }
    });
    const neighbour = (kind: Kind, stage: number, by: 1 | -1, microbatch: number, to: number[]) => {
      if (replicas[stage + by] === replicas[stage] && places[stage + by] >= 0) slots.copy(kind, (stage + by) * microbatches + microbatch, to);
    };
    const gradients = (stage: number, to: number[]) => {
      if (reduce[stage] !== none) to.push(reduce[stage]);
      else if (lastPass[stage] !== none) to.push(lastPass[stage]);
    };
    let made = none;
    return (i, to) => {
      const op = operations[i];
      const { op: name } = op;
      if (name === "SEND" || name === "RECV" || name === "REDISTRIBUTE") {
        if (isReceive(op)) to.push(other[i]);
        else if (made !== none) to.push(made);
        return;
      }
      made = i;
      if (name === "FILL") {
        fillInputs(i, to);
        return;
      }
      const stage = ownStages[i - firstOnRank[rank]];
      const m = op.microbatch ?? 0;
      const slot = stage * microbatches + m;
      switch (name) {
        case "F":
        case "SELF_COND": {
          const isFeedback = name === "F" && stages[stage].isFirst;
          const channel = name === "F" && !isFeedback ? "forward" : "selfConditioning";
          if (name === "F" || !stages[stage].isFirst) slots.copy(channel, slot, to);
          if (!stages[stage].isFirst) neighbour(name, stage, -1, m, to);
          else if (isFeedback) feedback(stage, m, to);
          slots.copy("encodings", slot, to);
          if (optimizer[stage] !== none) to.push(optimizer[stage] - total);
          break;
        }
        case "R":
          slots.copy("F", slot, to);
          break;
        case "B":
        case "I":
          if (!slots.copy("R", slot, to)) slots.copy("F", slot, to);
          slots.copy("backward", slot, to);
          if (!stages[stage].isLast) neighbour("I", stage, 1, m, to);
          break;
        case "W":
          slots.copy("I", slot, to);
          break;
        case "REDUCE":
          if (lastPass[stage] !== none) to.push(lastPass[stage]);
          break;
        case "GRAD_NORM":
          stages.forEach((_, s) => gradients(s, to));
          break;
        case "OPTIM":
          gradients(stage, to);
          if (norm !== none) to.push(norm);
          break;
        case "EMA":
          to.push(optimizer[stage]);
          break;
        default:
          break;
      }
    };

    /** The last stage's pass of a self-conditioned micro-batch, where it is on this rank. */
    function feedback(stage: number, m: number, to: number[]): void {
      let last = stage;
      while (!stages[last].isLast) last++;
      if (places[last] >= 0 && replicas[last] === replicas[stage]) slots.copy("SELF_COND", last * microbatches + m, to);
    }

    function fillInputs(i: number, to: number[]): void {
      const { layers, samples, component = "", iteration } = operations[i];
      if (!layers || !samples) return;
      for (const maker of [component, ...(makersOf.get(component) ?? [])]) {
        for (const k of frozenOf.get(maker) ?? []) {
          if (k >= i) break;
          const made = operations[k];
          if (made.iteration !== iteration || !made.samples || !overlap(made.samples, samples)) continue;
          const isBefore = maker === component && layers[0] > 0 && (made.op === "RECV" || (made.op === "FILL" && made.layers?.[1] === layers[0]));
          if (isBefore || (maker !== component && made.op !== "RECV" && brings(made, operations[i]))) to.push(k);
        }
      }
    }
  };
}
