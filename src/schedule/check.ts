/**
 * Static check of a program, stricter than any one transport: what hangs one runtime and not another is refused here.
 * - Per (channel, source, destination), sends and receives have one order, one tag, one iteration and one size.
 * - No ring of ranks waits for each other.
 * - Each rank makes each forward and backward pass of its stages once, forward first (a backward pass is B, or I and then W),
 *   with its inputs received before where they come from another rank.
 */
import type { Operation, Program } from "../model/program";

/** The first violation in words, or undefined for a sound program. */
export function checkProgram(program: Program): string | undefined {
  for (const list of ["prologue", "operations"] as const) {
    const lists = program.ranks.map((rank) => rank[list]);
    const violation = checkOrder(lists) ?? checkWaits(lists);
    if (violation !== undefined) return `In the ${list}: ${violation}`;
  }
  return checkPasses(program);
}

export function isSend(op: Operation): boolean {
  return op.op === "SEND" || (op.op === "REDISTRIBUTE" && op.direction === "send");
}

export function isReceive(op: Operation): boolean {
  return op.op === "RECV" || (op.op === "REDISTRIBUTE" && op.direction === "receive");
}

/** One name for both ends of a message. */
function wire(op: Operation, rank: number): string {
  return isSend(op) ? `${op.channel} ${rank}->${op.peer}` : `${op.channel} ${op.peer}->${rank}`;
}

function describe(op: Operation | undefined): string {
  return op ? `${op.iteration === 1 ? "next iteration's " : ""}tag ${op.tag}, ${op.bytes} bytes` : "nothing";
}

function checkOrder(lists: readonly (readonly Operation[])[]): string | undefined {
  const sent = new Map<string, Operation[]>();
  const received = new Map<string, Operation[]>();
  lists.forEach((list, rank) => {
    for (const op of list) {
      const side = isSend(op) ? sent : isReceive(op) ? received : undefined;
      if (!side) continue;
      const key = wire(op, rank);
      const ops = side.get(key);
      if (ops) ops.push(op);
      else side.set(key, [op]);
    }
  });
  for (const key of new Set([...sent.keys(), ...received.keys()])) {
    const out = sent.get(key) ?? [];
    const into = received.get(key) ?? [];
    const tags = new Set<string>();
    for (let i = 0; i < Math.max(out.length, into.length); i++) {
      if (out[i]?.tag !== into[i]?.tag || out[i]?.iteration !== into[i]?.iteration || out[i]?.bytes !== into[i]?.bytes) {
        return `message ${i} on ${key} is sent as ${describe(out[i])} and received as ${describe(into[i])}.`;
      }
      const tag = `${out[i].iteration} ${out[i].tag}`;
      if (tags.has(tag)) return `tag ${out[i].tag} is used twice on ${key}.`;
      tags.add(tag);
    }
  }
  return undefined;
}

/** Runs the lists with sends that don't wait; whoever cannot finish is in or behind a ring. */
function checkWaits(lists: readonly (readonly Operation[])[]): string | undefined {
  const at = lists.map(() => 0);
  const arrived = new Set<string>();
  const gathered = new Map<string, number>();
  const entered = lists.map(() => false);
  const key = (op: Operation, rank: number) => `${wire(op, rank)} ${op.iteration} ${op.tag}`;
  const collective = (op: Operation) => (op.op === "REDUCE" ? `REDUCE ${op.chain} ${op.stage} ${(op.peers ?? []).join()}` : "GRAD_NORM");
  const size = (op: Operation) => (op.op === "REDUCE" ? (op.peers ?? []).length : lists.length);
  for (let moved = true; moved; ) {
    moved = false;
    lists.forEach((list, rank) => {
      for (; at[rank] < list.length; at[rank]++, moved = true) {
        const op = list[at[rank]];
        if (isSend(op)) arrived.add(key(op, rank));
        else if (isReceive(op) && !arrived.has(key(op, rank))) return;
        else if (op.op === "REDUCE" || op.op === "GRAD_NORM") {
          if (!entered[rank]) gathered.set(collective(op), (gathered.get(collective(op)) ?? 0) + 1);
          entered[rank] = true;
          if ((gathered.get(collective(op)) ?? 0) % size(op) !== 0) return;
          entered[rank] = false;
        }
      }
    });
  }
  const stuck = lists.flatMap((list, rank) => (at[rank] < list.length ? [`rank ${rank} at ${list[at[rank]].op} (operation ${at[rank]})`] : []));
  return stuck.length > 0 ? `these ranks wait for each other: ${stuck.join(", ")}.` : undefined;
}

function checkPasses(program: Program): string | undefined {
  const { microbatches } = program.batch;
  for (const chain of program.chains) {
    for (const [s, stage] of chain.stages.entries()) {
      const width = stage.devices.length / program.dataParallel;
      for (const [d, device] of stage.devices.entries()) {
        const isLocal = (other: number) => Math.floor(chain.stages[other].devices.indexOf(device) / width) === Math.floor(d / width) && chain.stages[other].devices.includes(device);
        const forward = new Set<number>();
        const backward = new Set<number>();
        const inputs = new Set<number>();
        const weights = new Set<number>();
        const here = `rank ${device}, chain "${chain.id}", stage ${s}`;
        const conditioned = new Set<number>();
        const isConditioned = program.ranks[device].operations.some((op) => op.op === "SELF_COND" && op.chain === chain.id && op.stage === s);
        const received = { forward: new Set<number>(), backward: new Set<number>() };
        for (const op of program.ranks[device].operations) {
          if (op.chain !== chain.id || op.stage !== s || op.microbatch === undefined) continue;
          const m = op.microbatch;
          if (op.op === "RECV" && (op.channel === "forward" || op.channel === "backward")) received[op.channel].add(m);
          if (op.op === "W") {
            if (weights.has(m)) return `${here}: the weight gradient of micro-batch ${m} is made twice.`;
            if (!inputs.has(m)) return `${here}: the weight gradient of micro-batch ${m} comes before its input gradient.`;
            weights.add(m);
          }
          if (op.op === "SELF_COND") {
            if (conditioned.has(m)) return `${here}: the self-conditioning pass of micro-batch ${m} is there twice.`;
            conditioned.add(m);
          }
          if (op.op === "F") {
            if (isConditioned && !conditioned.has(m)) return `${here}: the forward pass of micro-batch ${m} comes before its self-conditioning pass.`;
            if (forward.has(m)) return `${here}: the forward pass of micro-batch ${m} is there twice.`;
            if (s > 0 && !isLocal(s - 1) && !received.forward.has(m)) return `${here}: the forward pass of micro-batch ${m} comes before its input.`;
            forward.add(m);
          }
          if (op.op === "B" || op.op === "I") {
            if (backward.has(m)) return `${here}: the backward pass of micro-batch ${m} is there twice.`;
            if (!forward.has(m)) return `${here}: the backward pass of micro-batch ${m} comes before its forward pass.`;
            const gradient = s < chain.stages.length - 1 && !isLocal(s + 1) && chain.stages[s + 1].receivesGrad.length > 0;
            if (gradient && !received.backward.has(m)) return `${here}: the backward pass of micro-batch ${m} comes before its gradient.`;
            backward.add(m);
            if (op.op === "I") inputs.add(m);
          }
        }
        if (weights.size !== inputs.size) return `${here}: ${inputs.size} input gradients and ${weights.size} weight gradients.`;
        if (forward.size !== microbatches || backward.size !== microbatches) {
          return `${here}: ${forward.size} forward and ${backward.size} backward passes for ${microbatches} micro-batches.`;
        }
      }
    }
  }
  return undefined;
}
