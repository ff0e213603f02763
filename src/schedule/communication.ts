/**
 * The communication pass: given what each rank computes and what must move between ranks, puts sends after the producers and
 * receives before the consumers. For each (channel, source, destination) both ends get one order: where a consumer comes
 * earlier than that of a message sent before its own, the receive of the earlier message is moved forward to it. That costs
 * nothing, since messages of one channel between two ranks arrive in order anyway.
 */
import type { Channel, Operation } from "../model/program";
import type { Range } from "../model/plan";

export interface Transfer {
  readonly channel: Channel;
  readonly iteration: 0 | 1;
  readonly source: number;
  readonly destination: number;
  /** Index of the producer in the source's list. */
  readonly after: number;
  /** Index of the consumer in the destination's list; the list's length where it is wanted by the next iteration. */
  readonly before: number;
  readonly bytes: number;
  readonly tensors?: readonly string[];
  readonly chain?: string;
  /** Stage of the producer. */
  readonly stage?: number;
  readonly microbatch?: number;
  readonly component?: string;
  readonly samples?: Range;
}

const channelOrder: readonly Channel[] = ["forward", "backward", "intermediate", "encoding"];

function ends(transfer: Transfer, tag: number): { send: Operation; receive: Operation } {
  const { channel, iteration, source, destination, bytes, tensors, chain, microbatch, component, samples, stage } = transfer;
  const isEncoding = channel === "encoding";
  const common = {
    iteration,
    channel,
    ...(chain !== undefined && { chain }),
    ...(microbatch !== undefined && { microbatch }),
    ...(component !== undefined && { component }),
    ...(samples !== undefined && { samples }),
    tag,
    ...(tensors !== undefined && { tensors }),
    bytes,
  };
  const own = (offset: number) => (stage === undefined ? {} : { stage: stage + offset });
  return {
    send: { op: isEncoding ? "REDISTRIBUTE" : "SEND", ...(isEncoding && { direction: "send" as const }), ...common, ...own(0), peer: destination },
    receive: { op: isEncoding ? "REDISTRIBUTE" : "RECV", ...(isEncoding && { direction: "receive" as const }), ...common, ...own(channel === "backward" ? -1 : 1), peer: source },
  };
}

/** Per rank the operations with sends and receives among them. `transfers` may be in any order. */
export function insertCommunication(lists: readonly (readonly Operation[])[], transfers: readonly Transfer[]): readonly (readonly Operation[])[] {
  const inSendOrder = transfers
    .map((transfer, index) => ({ transfer, index }))
    .sort((a, b) => a.transfer.after - b.transfer.after || channelOrder.indexOf(a.transfer.channel) - channelOrder.indexOf(b.transfer.channel) || a.index - b.index)
    .map(({ transfer }) => transfer);
  const groups = new Map<string, Transfer[]>();
  for (const transfer of inSendOrder) {
    const key = `${transfer.channel} ${transfer.source} ${transfer.destination}`;
    const group = groups.get(key);
    if (group) group.push(transfer);
    else groups.set(key, [transfer]);
  }
  const sends = lists.map((list) => Array.from({ length: list.length + 1 }, (): Operation[] => []));
  const receives = lists.map((list) => Array.from({ length: list.length + 1 }, (): Operation[] => []));
  const sendOf = new Map<Transfer, Operation>();
  for (const group of groups.values()) {
    const tags = [0, 0];
    const made = group.map((transfer) => ends(transfer, transfer.microbatch ?? tags[transfer.iteration]++));
    let latest = Infinity;
    const places = group.map(() => 0);
    for (let i = group.length - 1; i >= 0; i--) places[i] = latest = Math.min(latest, group[i].before);
    group.forEach((transfer, i) => {
      sendOf.set(transfer, made[i].send);
      receives[transfer.destination][places[i]].push(made[i].receive);
    });
  }
  for (const transfer of inSendOrder) {
    const send = sendOf.get(transfer);
    if (send) sends[transfer.source][transfer.after].push(send);
  }
  return lists.map((list, rank) => {
    const whole: Operation[] = [];
    for (let i = 0; i <= list.length; i++) {
      whole.push(...receives[rank][i]);
      if (i < list.length) whole.push(list[i], ...sends[rank][i]);
    }
    return whole;
  });
}
