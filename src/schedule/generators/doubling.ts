/**
 * Chimera's forward doubling (Li and Hoefler, 2021): forward passes go in pairs of following micro-batches, which take as long
 * as one backward pass where that takes twice as long as a forward pass, so that no bubbles are left between the paper's units.
 * "Backward halving" is this order with twice as many micro-batches, each of half the size: a forward pass of the paper is
 * then a pair, and a micro-batch is what a backward pass takes. A pair is two passes, since a runtime that keeps one graph for
 * both could not go back through one of them; so each micro-batch is its own message, and a pair costs no less than two passes.
 */
import type { DeviceOrders, PassStep } from "./order";

/** The passes that a replica has made of a stage: when each ended. */
interface Made {
  readonly replica: 0 | 1;
  readonly stage: number;
  readonly forward: number[];
  readonly backward: number[];
}

interface Next {
  readonly made: Made;
  readonly op: "F" | "B";
  /** Micro-batches. */
  readonly count: number;
  readonly start: number;
  readonly rank: number;
}

const forwardTime = 1;
const backwardTime = 2;

/**
 * The pass that can start earliest comes next; of those that could start at once a pair of forward passes first, the deeper
 * stage's first, then the shallower stage's backward pass. A replica holds as many micro-batches of a stage as there are
 * devices at most, a device twice as many. From as many micro-batches of each replica as devices on, an iteration takes
 * (2 * microbatches + devices / 2 - 1) * (F + B) where B = 2F, which no order beats: the middle devices wait for
 * devices / 2 - 1 forward passes before theirs, and as many backward passes follow on theirs.
 * @param microbatches Of each of the two replicas.
 */
export function forwardDoubling(devices: number, microbatches: number): DeviceOrders {
  const stagesOf = (replica: 0 | 1) => Array.from({ length: devices }, (_, stage): Made => ({ replica, stage, forward: [], backward: [] }));
  const replicas = [stagesOf(0), stagesOf(1)] as const;
  const free = new Float64Array(devices);
  const orders = Array.from({ length: devices }, (): PassStep[] => []);
  const nextOn = (device: number): Next | undefined => {
    let best: Next | undefined;
    const offer = (made: Made, op: "F" | "B", count: number, readyAt: number | undefined) => {
      if (readyAt === undefined) return;
      const start = Math.max(readyAt, free[device]);
      const rank = op === "F" ? -devices - made.stage : made.stage;
      if (!best || start < best.start || (start === best.start && rank < best.rank)) best = { made, op, count, start, rank };
    };
    for (const stages of replicas) {
      const made = stages[stages === replicas[0] ? device : devices - 1 - device];
      const { stage, forward, backward } = made;
      const count = Math.min(2, microbatches - forward.length);
      const held = forward.length - backward.length;
      if (count > 0 && held + count <= devices) offer(made, "F", count, stage === 0 ? 0 : stages[stage - 1].forward[forward.length + count - 1]);
      if (held > 0) offer(made, "B", 1, (stage === devices - 1 ? forward : stages[stage + 1].backward)[backward.length]);
    }
    return best;
  };
  const next = orders.map((_, device) => nextOn(device));
  for (;;) {
    let device = -1;
    next.forEach((pass, d) => {
      if (pass && (device < 0 || pass.start < (next[device]?.start ?? Infinity))) device = d;
    });
    const pass = next[device];
    if (!pass) return orders;
    const { made, op, count, start } = pass;
    const passes = op === "F" ? made.forward : made.backward;
    free[device] = start + count * (op === "F" ? forwardTime : backwardTime);
    for (let i = 0; i < count; i++) orders[device].push({ op, chain: 0, replica: made.replica, stage: made.stage, microbatch: passes.push(free[device]) - 1 });
    // Neighbouring stages are on neighbouring devices.
    for (let d = Math.max(0, device - 1); d <= Math.min(devices - 1, device + 1); d++) next[d] = nextOn(d);
  }
}
