/**
 * Whether a predicted timeline could happen, judged by the files alone: plan, profile, cluster and timeline. The rules are written
 * down here a second time and share no code with what made the timeline.
 */
import type { Cluster } from "../../../src/model/cluster";
import type { Plan } from "../../../src/model/plan";
import type { Profile } from "../../../src/model/profile";
import type { Timeline, TimelineOperation } from "../../../src/model/timeline";
import { checkFrozenWork } from "./frozenWork";
import { checkPasses } from "./passes";
import { checkUpdates } from "./updates";

export interface Files {
  readonly plan: Plan;
  readonly profile: Profile;
  readonly cluster: Cluster;
  readonly timeline: Timeline;
}

/** An operation and its index in the timeline. */
export interface Numbered extends TimelineOperation {
  readonly at: number;
}

export interface Case extends Files {
  readonly operations: readonly Numbered[];
  /** Notes a violation unless `holds`. */
  check(holds: boolean, what: () => string): void;
  /** Operations that have all these values. */
  find(op: string, wanted: Partial<TimelineOperation>): readonly Numbered[];
}

const near = 1e-6;

/** `a` is not after `b`, up to rounding. */
export function notAfter(a: number, b: number): boolean {
  return a <= b + near * Math.max(1, Math.abs(b));
}

export function described(op: TimelineOperation): string {
  const { stage, microbatch, component, layers, samples, channel } = op;
  const parts = [op.op, `iteration ${op.iteration}`, `device ${op.device}`, channel, stage !== undefined && `stage ${stage}`, microbatch !== undefined && `micro-batch ${microbatch}`, component, layers && `layers ${layers.join("-")}`, samples && `samples ${samples.join("-")}`];
  return `${parts.filter(Boolean).join(" ")} [${op.startMs.toFixed(4)}, ${op.endMs.toFixed(4)}]`;
}

/** What is wrong, in words; nothing for a timeline that could happen. */
export function violations(files: Files): readonly string[] {
  const found: string[] = [];
  const operations = files.timeline.operations.map((op, at): Numbered => ({ ...op, at }));
  const byOperation = new Map<string, Numbered[]>();
  const keyOf = ({ device, iteration, chain, stage, microbatch }: Partial<TimelineOperation>, op: string) => `${op} ${device} ${iteration} ${chain} ${stage} ${microbatch}`;
  for (const op of operations) for (const key of [op.op, keyOf(op, op.op)]) byOperation.set(key, [...(byOperation.get(key) ?? []), op]);
  const find: Case["find"] = (op, wanted) => {
    const isPass = wanted.microbatch !== undefined && wanted.device !== undefined && wanted.iteration !== undefined && wanted.stage !== undefined;
    const candidates = byOperation.get(isPass ? keyOf(wanted, op) : op) ?? [];
    return candidates.filter((candidate) => Object.entries(wanted).every(([name, value]) => candidate[name as keyof TimelineOperation] === value));
  };
  const check: Case["check"] = (holds, what) => {
    if (!holds) found.push(what());
  };
  const one: Case = { ...files, operations, check, find };
  checkOrder(one);
  checkStreams(one);
  checkMessages(one);
  checkPasses(one);
  checkFrozenWork(one);
  checkUpdates(one);
  checkMemory(one);
  return found;
}

function checkOrder({ operations, check }: Case): void {
  for (const op of operations) {
    check(Number.isFinite(op.startMs) && op.endMs >= op.startMs, () => `${described(op)} ends before it starts`);
    for (const dep of op.deps) {
      const before = operations[dep];
      check(before !== undefined && notAfter(before.endMs, op.startMs), () => `${described(op)} starts before ${described(before)} has ended`);
    }
  }
}

const isSent = (op: TimelineOperation) => op.op === "SEND" || (op.op === "REDISTRIBUTE" && op.direction === "send");
const isReceived = (op: TimelineOperation) => op.op === "RECV" || (op.op === "REDISTRIBUTE" && op.direction === "receive");

/** One thing at a time, in each of the groups. */
function checkAlone({ operations, check }: Case, groupsOf: (op: Numbered) => readonly string[]): void {
  const groups = new Map<string, Numbered[]>();
  for (const op of operations) for (const group of groupsOf(op)) groups.set(group, [...(groups.get(group) ?? []), op]);
  for (const [name, members] of groups) {
    members.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
    for (let i = 1; i < members.length; i++) check(notAfter(members[i - 1].endMs, members[i].startMs), () => `${name}: ${described(members[i])} while ${described(members[i - 1])} is not done`);
  }
}

/** A device computes one thing at a time and sends one; where its runtime blocks, it does not compute while it sends. */
function checkStreams(one: Case): void {
  const blocks = one.cluster.overlapsCommunication === false;
  checkAlone(one, (op) => {
    if (isReceived(op)) return [];
    return [`device ${op.device}${blocks ? "" : op.stream === "compute" ? " computing" : " sending"}`];
  });
}

interface Place {
  readonly node: number;
  readonly link: { readonly latencyUs: number; readonly bandwidthGBps: number };
}

/** The devices of a cluster in order. */
export function placesOf(cluster: Cluster): readonly Place[] {
  let node = 0;
  return cluster.nodeGroups.flatMap(({ count, devicesPerNode, intraNode }) => Array.from({ length: count }, () => node++).flatMap((at) => Array.from({ length: devicesPerNode }, () => ({ node: at, link: intraNode }))));
}

/** Messages take their time, one after another on a link in each direction, and what is received has been sent. */
function checkMessages(one: Case): void {
  const { cluster, operations, check } = one;
  const places = placesOf(cluster);
  const isInside = (a: number, b: number) => places[a].node === places[b].node;
  const ends = (device: number, inside: boolean) => (inside ? `device ${device}` : cluster.interNode.sharedByNode ? `network of node ${places[device].node}` : `network of device ${device}`);
  checkAlone(one, (op) => {
    if (!isSent(op) || op.peer === undefined) return [];
    const inside = isInside(op.device, op.peer);
    return [`way out: ${ends(op.device, inside)}`, `way in: ${ends(op.peer, inside)}`];
  });
  const messageOf = (op: Numbered, from?: number, to?: number) => [op.op === "REDISTRIBUTE" ? "encoding" : op.channel, op.iteration, from, to, op.component, op.samples?.join("-"), op.microbatch, op.bytes].join(" ");
  const sent = new Map<string, Numbered[]>();
  for (const op of operations.filter(isSent)) {
    check(op.peer !== undefined && op.bytes !== undefined, () => `${described(op)} does not say to whom, or how much`);
    if (op.peer === undefined || op.bytes === undefined) continue;
    const link = isInside(op.device, op.peer) ? places[op.device].link : cluster.interNode;
    const leastMs = link.latencyUs / 1e3 + op.bytes / (link.bandwidthGBps * 1e6);
    check(notAfter(leastMs, op.endMs - op.startMs), () => `${described(op)} takes less than ${leastMs} ms`);
    const key = messageOf(op, op.device, op.peer);
    sent.set(key, [...(sent.get(key) ?? []), op]);
  }
  for (const op of operations.filter(isReceived)) {
    const candidates = sent.get(messageOf(op, op.peer, op.device)) ?? [];
    const send = candidates.find(({ at }) => op.deps.includes(at));
    check(send !== undefined, () => `${described(op)} names none of the messages that it could be as its own`);
    if (send) sent.set(messageOf(op, op.peer, op.device), candidates.filter((other) => other !== send));
  }
  for (const left of sent.values()) for (const op of left) check(false, () => `${described(op)} is never received`);
}

function checkMemory({ timeline, check }: Case): void {
  timeline.devices.forEach(({ memory = [], peakMemoryBytes }, device) => {
    const [, base] = memory[0] ?? [0, 0];
    check(memory.every(([, bytes]) => bytes >= base - 1), () => `device ${device}: memory falls below its level at the start`);
    check(memory.length === 0 || Math.abs(memory[memory.length - 1][1] - base) <= 1, () => `device ${device}: memory does not come back to its level`);
    check(Math.abs(Math.max(base, ...memory.map(([, bytes]) => bytes)) - peakMemoryBytes) <= 1, () => `device ${device}: its peak is not that of its curve`);
  });
}
