/** What each operation of two iterations waited for, as indices into both: those of the first, then those of the second. */
import type { TimelineOperation } from "../model/timeline";
import type { Simulation } from "./engine";
import { before } from "./graph";
import type { Inputs } from "./inputs";

const near = 1e-9;

/**
 * Indices, ascending, for an operation of the first or second iteration: its inputs, what ran before it on its streams, and the
 * message that it waited for on a link. Members of a group wait for what any of them waits for. What lies before the first
 * iteration is left out.
 */
export function dependencies({ graph, previous, last }: Simulation, inputs: Inputs): (i: number, iteration: 0 | 1) => readonly number[] {
  const { onRank, other, lastOnRank, lastSent, rank, groupOf, groups } = graph;
  const count = graph.operations.length;
  // Collected in one place and copied at their size: thousands of short lists grown one by one cost more than all else here.
  const deps: number[] = [];
  const add = (i: number, iteration: 0 | 1) => {
    const shift = iteration * count;
    if (onRank[i] >= 0) insert(deps, shift + onRank[i]);
    else if (onRank[i] === before && iteration === 1 && lastOnRank[rank[i]] >= 0) insert(deps, lastOnRank[rank[i]]);
    if (other[i] >= 0) insert(deps, shift + other[i]);
    else if (other[i] === before && iteration === 1 && lastSent[rank[i]] >= 0) insert(deps, lastSent[rank[i]]);
    const held = (iteration === 1 ? last : previous).heldUpBy[i];
    if (held >= -shift) insert(deps, shift + held);
    for (let k = inputs.from[i]; k < inputs.from[i + 1]; k++) {
      const input = shift + inputs.operations[k];
      if (input >= 0) insert(deps, input);
    }
  };
  const collected = () => {
    const copy = deps.slice();
    deps.length = 0;
    return copy;
  };
  const ofGroups = ([0, 1] as const).map((iteration) =>
    groups.map(({ members }) => {
      for (const member of members) add(member, iteration);
      return collected();
    }),
  );
  return (i, iteration) => {
    if (groupOf[i] >= 0) return ofGroups[iteration][groupOf[i]];
    add(i, iteration);
    return collected();
  };
}

/** Into a list in ascending order, unless it is there. */
function insert(list: number[], value: number): void {
  let at = list.length;
  while (at > 0 && list[at - 1] > value) at--;
  if (at > 0 && list[at - 1] === value) return;
  if (at === list.length) list.push(value);
  else list.splice(at, 0, value);
}

/** The same operations; all-reduces that started while some of what they need was running name only what had ended. */
export function withoutRunning(operations: readonly TimelineOperation[]): readonly TimelineOperation[] {
  if (!operations.some(({ op }) => op === "REDUCE")) return operations;
  return operations.map((op) => {
    if (op.op !== "REDUCE") return op;
    const ended = op.deps.filter((dep) => operations[dep].endMs <= op.startMs + near * Math.abs(op.startMs));
    return ended.length === op.deps.length ? op : { ...op, deps: ended };
  });
}
