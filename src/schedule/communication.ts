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
  /** Stage of the consumer, where it is not the neighbour that the channel leads to. */
  readonly toStage?: number;
  readonly microbatch?: number;
  readonly component?: string;
  readonly samples?: Range;
}

const channelOrder: readonly Channel[] = ["forward", "backward", "selfConditioning", "intermediate", "encoding"];

type Written = { -readonly [K in keyof Operation]: Operation[K] };

/** One end of a message. `stageOffset`: from the producer's stage to this end's. */
function endOf(transfer: Transfer, tag: number, direction: "send" | "receive", stageOffset: number): Operation {
  const isEncoding = transfer.channel === "encoding";
  const op: Written = { op: isEncoding ? "REDISTRIBUTE" : direction === "send" ? "SEND" : "RECV", iteration: transfer.iteration, channel: transfer.channel };
  if (isEncoding) op.direction = direction;
  if (transfer.chain !== undefined) op.chain = transfer.chain;
  if (transfer.stage !== undefined) op.stage = transfer.stage + stageOffset;
  if (transfer.microbatch !== undefined) op.microbatch = transfer.microbatch;
  if (transfer.component !== undefined) op.component = transfer.component;
  if (transfer.samples !== undefined) op.samples = transfer.samples;
  op.tag = tag;
  if (transfer.tensors !== undefined) op.tensors = transfer.tensors;
  op.bytes = transfer.bytes;
  op.peer = direction === "send" ? transfer.destination : transfer.source;
  return op;
}

/** From the producer's stage to the consumer's. */
function offsetOf({ channel, stage, toStage }: Transfer): number {
  if (stage !== undefined && toStage !== undefined) return toStage - stage;
  return channel === "backward" ? -1 : 1;
}

/** Per rank the operations with sends and receives among them. `transfers` may be in any order. */
export function insertCommunication(lists: readonly (readonly Operation[])[], transfers: readonly Transfer[]): readonly (readonly Operation[])[] {
  // Sorting keeps the order of equals: messages of one producer and channel stay as they were handed over.
  const rankOf = (transfer: Transfer) => transfer.after * channelOrder.length + channelOrder.indexOf(transfer.channel);
  const inSendOrder = [...transfers].sort((a, b) => rankOf(a) - rankOf(b));
  const groups = new Map<number, Transfer[]>();
  for (const transfer of inSendOrder) {
    const key = (transfer.source * lists.length + transfer.destination) * channelOrder.length + channelOrder.indexOf(transfer.channel);
    const group = groups.get(key);
    if (group) group.push(transfer);
    else groups.set(key, [transfer]);
  }
  const sends = lists.map((list) => new Array<Operation[] | undefined>(list.length).fill(undefined));
  const receives = lists.map((list) => new Array<Operation[] | undefined>(list.length + 1).fill(undefined));
  const sendOf = new Map<Transfer, Operation>();
  for (const group of groups.values()) {
    const tags = [0, 0];
    const numbers = group.map((transfer) => tags[transfer.iteration]++);
    const places = group.map(({ before }) => before);
    for (let i = places.length - 2; i >= 0; i--) places[i] = Math.min(places[i], places[i + 1]);
    group.forEach((transfer, i) => {
      sendOf.set(transfer, endOf(transfer, numbers[i], "send", 0));
      (receives[transfer.destination][places[i]] ??= []).push(endOf(transfer, numbers[i], "receive", offsetOf(transfer)));
    });
  }
  for (const transfer of inSendOrder) {
    const send = sendOf.get(transfer);
    if (send) (sends[transfer.source][transfer.after] ??= []).push(send);
  }
  return lists.map((list, rank) => {
    const whole: Operation[] = [];
    for (let i = 0; i <= list.length; i++) {
      for (const receive of receives[rank][i] ?? []) whole.push(receive);
      if (i === list.length) break;
      whole.push(list[i]);
      for (const send of sends[rank][i] ?? []) whole.push(send);
    }
    return whole;
  });
}
