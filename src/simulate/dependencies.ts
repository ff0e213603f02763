/** What each operation of two iterations waited for, as indices into both: those of the first, then those of the second. */
import type { TimelineOperation } from "../model/timeline";
import type { Simulation } from "./engine";
import { before, none } from "./graph";
import type { Inputs } from "./inputs";

const near = 1e-9;

/** Of one operation in the first and in the second iteration. */
export type Dependencies = readonly [readonly number[], readonly number[]];

/**
 * Indices, ascending, for each operation: its inputs, what ran before it on its streams, and the message that it waited for on a
 * link. Members of a group wait for one another: beside its own, each names what the whole group waited for longest, so that lists
 * stay short however many ranks end together. What lies before the first iteration is left out.
 */
export function dependencies({ graph, previous, last }: Simulation, inputs: Inputs): (i: number) => Dependencies {
  const { onRank, other, lastOnRank, lastSent, rank, groupOf, groups } = graph;
  const count = graph.operations.length;
  const second = new Sorted();
  const add = (i: number) => {
    if (onRank[i] >= 0) second.add(count + onRank[i]);
    else if (onRank[i] === before && lastOnRank[rank[i]] >= 0) second.add(lastOnRank[rank[i]]);
    if (other[i] >= 0) second.add(count + other[i]);
    else if (other[i] === before && lastSent[rank[i]] >= 0) second.add(lastSent[rank[i]]);
    for (let k = inputs.from[i]; k < inputs.from[i + 1]; k++) {
      const input = count + inputs.operations[k];
      if (input >= 0) second.add(input);
    }
  };
  const including = (deps: readonly number[], dep: number) => (dep < 0 || deps.includes(dep) ? deps : [...deps, dep].sort((a, b) => a - b));
  /** Iterations wait for the same, but on links. */
  const collected = (i: number): Dependencies => {
    const first = second.from(count);
    if (last.heldUpBy[i] >= -count) second.add(count + last.heldUpBy[i]);
    return [including(first, previous.heldUpBy[i]), second.take()];
  };
  const endOf = (index: number) => (index < count ? previous.end[index] : last.end[index - count]);
  const latestOf = (deps: readonly number[], other: number): number => deps.reduce((latest, dep) => (latest < 0 || endOf(dep) > endOf(latest) ? dep : latest), other);
  const ofGroups = groups.map(({ members }) => {
    const own = members.map((member): Dependencies => {
      add(member);
      return collected(member);
    });
    const slowest = own.reduce(([first, second], [a, b]) => [latestOf(a, first), latestOf(b, second)], [none, none]);
    return new Map(own.map((deps, m): [number, Dependencies] => [members[m], [including(deps[0], slowest[0]), including(deps[1], slowest[1])]]));
  });
  return (i) => {
    const ofGroup = groupOf[i] >= 0 ? ofGroups[groupOf[i]].get(i) : undefined;
    if (ofGroup) return ofGroup;
    add(i);
    return collected(i);
  };
}

/** Different numbers in ascending order; there are thousands of short lists, so they are collected in one place. */
class Sorted {
  private readonly values: number[] = [];
  private size = 0;

  add(value: number): void {
    let at = this.size;
    while (at > 0 && this.values[at - 1] > value) at--;
    if (at > 0 && this.values[at - 1] === value) return;
    for (let k = this.size++; k > at; k--) this.values[k] = this.values[k - 1];
    this.values[at] = value;
  }

  /** The numbers from `least` on, counted from there. */
  from(least: number): readonly number[] {
    let first = 0;
    while (first < this.size && this.values[first] < least) first++;
    const found = this.values.slice(first, this.size); // of exactly that size, which growing lists are not
    if (least > 0) for (let k = 0; k < found.length; k++) found[k] -= least;
    return found;
  }

  /** The numbers; the next list starts empty. */
  take(): readonly number[] {
    const taken = this.from(0);
    this.size = 0;
    return taken;
  }
}

/** The same operations; all-reduces that started while some of what they need was running name only what had ended. */
export function withoutRunning(operations: readonly TimelineOperation[]): readonly TimelineOperation[] {
  return operations.map((op) => {
    if (op.op !== "REDUCE") return op;
    const ended = op.deps.filter((dep) => operations[dep].endMs <= op.startMs + near * Math.abs(op.startMs));
    return ended.length === op.deps.length ? op : { ...op, deps: ended };
  });
}
