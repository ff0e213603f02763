/** Each stage makes its passes once for each micro-batch, as long as its layers take, after what they need. */
import type { ProfileLayer } from "../../../src/model/profile";
import { described, notAfter, type Case, type Numbered } from "./check";

/** A device that holds a stage for a replica; of `width` that share its micro-batches. */
export interface Holder {
  readonly device: number;
  readonly chain: number;
  readonly stage: number;
  readonly replica: number;
  readonly part: number;
  readonly width: number;
}

export function holdersOf({ plan }: Pick<Case, "plan">): readonly Holder[] {
  return plan.chains.flatMap(({ stages }, chain) =>
    stages.flatMap(({ devices }, stage) => {
      const width = devices.length / plan.dataParallel;
      return devices.map((device, d): Holder => ({ device, chain, stage, replica: Math.floor(d / width), part: d % width, width }));
    }),
  );
}

/** A chain's layers, its segments laid end to end. */
export function chainLayers({ profile }: Pick<Case, "profile">, chain: number): readonly (ProfileLayer & { readonly component: string })[] {
  return profile.chains[chain].segments.flatMap(({ component, from, to }) => {
    const found = profile.components.find(({ name }) => name === component);
    return (found?.layers ?? []).slice(from, to).map((layer) => ({ ...layer, component }));
  });
}

/** Ms of a batch: on straight lines through the profiled points, of which none is below a smaller batch's; in proportion below the first of one. */
export function layerMs(layer: ProfileLayer, msOf: (time: ProfileLayer["times"][number]) => number, batch: number): number {
  const points = layer.times.filter(({ status = "ok" }) => status === "ok").map((time) => [time.batch, msOf(time)] as const).sort((a, b) => a[0] - b[0]);
  let highest = 0;
  const curve = points.map(([at, ms]) => [at, (highest = Math.max(highest, ms))] as const);
  if (curve.length === 1) return (curve[0][1] * batch) / curve[0][0];
  const slope = ([a, x]: readonly [number, number], [b, y]: readonly [number, number]) => (y - x) / (b - a);
  const last = curve.length - 1;
  if (batch > curve[last][0]) return curve[last][1] + Math.max(slope(curve[last - 1], curve[last]), slope(curve[0], curve[last])) * (batch - curve[last][0]);
  if (batch < curve[0][0]) return Math.max(curve[0][1] - slope(curve[0], curve[1]) * (curve[0][0] - batch), (curve[0][1] * batch) / curve[0][0]);
  const i = Math.max(1, curve.findIndex(([at]) => at >= batch));
  return curve[i - 1][1] + slope(curve[i - 1], curve[i]) * (batch - curve[i - 1][0]);
}

export function checkPasses(one: Case): void {
  const { plan, profile, check, find } = one;
  const holders = holdersOf(one);
  const microbatch = plan.batch.global / plan.dataParallel / plan.batch.microbatches;
  for (const iteration of [0, 1]) {
    for (const holder of holders) {
      const { device, chain, stage, replica, width } = holder;
      const { id, stages } = plan.chains[chain];
      const conditioned = (profile.chains[chain].selfConditioning?.probability ?? 0) > 0;
      const layers = chainLayers(one, chain).slice(stages[stage].from, stages[stage].to);
      const lengthOf = (msOf: (layer: ProfileLayer) => (time: ProfileLayer["times"][number]) => number) => layers.reduce((ms, layer) => ms + layerMs(layer, msOf(layer), microbatch / width), 0);
      const inputMs = lengthOf((layer) => (time) => (layer.needsInputGrad ? time.inputGradMs : 0));
      const weightMs = lengthOf((layer) => (time) => (layer.needsWeightGrad ? time.weightGradMs : 0));
      const forwardMs = lengthOf(() => (time) => time.forwardMs);
      const isLike = profile.device.name === deviceName(one, device);
      for (let m = 0; m < plan.batch.microbatches; m++) {
        const here = { device, iteration, chain: id, stage, microbatch: m };
        const only = (op: string, count: number, ms: number): Numbered | undefined => {
          const found = find(op, here);
          check(found.length === count, () => `iteration ${iteration}, device ${device}, "${id}" stage ${stage}: ${found.length} ${op} of micro-batch ${m}, not ${count}`);
          const [first] = found;
          if (first && isLike) check(Math.abs(first.endMs - first.startMs - ms) <= 1e-6 * Math.max(1, ms), () => `${described(first)} should take ${ms} ms`);
          if (first) check(first.layers?.[0] === stages[stage].from && first.layers[1] === stages[stage].to, () => `${described(first)} runs other layers than its stage's`);
          return first;
        };
        const isSplit = find("I", here).length > 0;
        const forward = only("F", 1, forwardMs);
        const again = only("R", plan.recompute ? 1 : 0, forwardMs);
        const condition = only("SELF_COND", conditioned ? 1 : 0, forwardMs);
        const backward = isSplit ? only("I", 1, inputMs) : only("B", 1, inputMs + weightMs);
        const weight = only("W", isSplit ? 1 : 0, weightMs);
        if (isSplit) only("B", 0, 0);
        for (const [op, need] of [[weight, backward], [again, forward], [backward, again ?? forward]] as const) if (op && need) needs(one, op, need);
        if (!forward || !backward) continue;
        /** The same pass of another stage, on all devices whose samples are partly the same. */
        const arrives = (user: Numbered, op: string, from: number, channel: "forward" | "backward" | "selfConditioning") => {
          for (const maker of holders.filter((other) => other.chain === chain && other.stage === from && other.replica === replica && meet(other, holder))) {
            const kinds = op === "B" ? ["B", "I"] : [op];
            const made = kinds.flatMap((kind) => find(kind, { ...here, device: maker.device, stage: from }));
            check(made.length === 1, () => `${described(user)}: ${made.length} ${op} of stage ${from} on device ${maker.device}`);
            if (made.length !== 1) continue;
            if (maker.device === device) needs(one, user, made[0]);
            else travels(one, made[0], user, { channel, chain: id, iteration, microbatch: m, stage: user.stage });
          }
        };
        if (stage > 0) arrives(forward, "F", stage - 1, "forward");
        if (condition) {
          if (stage > 0) arrives(condition, "SELF_COND", stage - 1, "selfConditioning");
          else arrives(forward, "SELF_COND", stages.length - 1, "selfConditioning");
        }
        const flowsBack = chainLayers(one, chain).slice(0, stages[stage].to).some(({ needsInputGrad, needsWeightGrad }) => needsInputGrad || needsWeightGrad);
        if (stage + 1 < stages.length && flowsBack) arrives(backward, "B", stage + 1, "backward");
      }
    }
  }
}

function deviceName({ cluster }: Case, device: number): string | undefined {
  return cluster.nodeGroups.flatMap(({ count, devicesPerNode, device: kind }) => Array.from({ length: count * devicesPerNode }, () => kind.name))[device];
}

/** Whether two parts of a micro-batch have samples in common. */
function meet(a: Holder, b: Holder): boolean {
  return a.part / a.width < (b.part + 1) / b.width - 1e-9 && b.part / b.width < (a.part + 1) / a.width - 1e-9;
}

/** `op` says that it needs `need`, and starts after it. */
export function needs({ check }: Case, op: Numbered, need: Numbered): void {
  check(op.deps.includes(need.at), () => `${described(op)} does not name ${described(need)}`);
  check(notAfter(need.endMs, op.startMs), () => `${described(op)} starts before ${described(need)} has ended`);
}

/** What `made` makes is sent after it, and there before `user` starts. */
function travels(one: Case, made: Numbered, user: Numbered, wanted: Partial<Numbered>): void {
  const received = one.find("RECV", { ...wanted, device: user.device, peer: made.device }).filter(({ at }) => user.deps.includes(at));
  one.check(received.length === 1, () => `${described(user)} names ${received.length} messages from device ${made.device} with what ${described(made)} makes`);
  const [receive] = received;
  const send = receive?.deps.map((dep) => one.operations[dep]).find((op) => op.op === "SEND" && op.device === made.device);
  one.check(send !== undefined, () => `${described(user)}: what it receives from device ${made.device} is not sent`);
  if (!send) return;
  needs(one, send, made);
  needs(one, receive, send);
  needs(one, user, receive);
}
