/**
 * The communication pass: given what each rank computes and what must move between ranks, puts sends after the producers and
 * receives before the consumers. For each (channel, source, destination) both ends get one order: where a consumer comes
 * earlier than that of a message sent before its own, the receive of the earlier message is moved forward to it. That costs
 * nothing, since messages of one channel between two ranks arrive in order anyway.
 */
import { channels, type Channel, type Operation } from "../model/program";
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

const order = Object.fromEntries(channels.map((channel, at) => [channel, at])) as Readonly<Record<Channel, number>>;

/** Where a channel stands among `channels`; -1 for none. */
export function channelOrder(channel: Channel | undefined): number {
  return channel === undefined ? -1 : order[channel];
}

/** One end of a message. `stageOffset`: from the producer's stage to this end's. Written as a whole, since there are thousands of them. */
function endOf(transfer: Transfer, tag: number, isSend: boolean, stageOffset: number): Operation {
  const { channel, iteration, chain, stage, microbatch, component, samples, tensors = [], bytes } = transfer;
  const peer = isSend ? transfer.destination : transfer.source;
  const op = isSend ? "SEND" : "RECV";
  if (chain !== undefined && stage !== undefined && microbatch !== undefined) return { op, iteration, channel, chain, stage: stage + stageOffset, microbatch, tag, tensors, bytes, peer };
  const direction = isSend ? "send" : "receive";
  if (channel === "encoding" && component !== undefined && samples) return { op: "REDISTRIBUTE", iteration, channel, direction, component, samples, tag, tensors, bytes, peer };
  if (channel === "encoding") return { op: "REDISTRIBUTE", iteration, channel, direction, ...(component !== undefined && { component }), ...(samples && { samples }), tag, tensors, bytes, peer };
  return { op, iteration, channel, ...(component !== undefined && { component }), ...(samples && { samples }), tag, tensors, bytes, peer };
}

/** From the producer's stage to the consumer's. */
function offsetOf({ channel, stage, toStage }: Transfer): number {
  if (stage !== undefined && toStage !== undefined) return toStage - stage;
  return channel === "backward" ? -1 : 1;
}

/** Per rank the operations with sends and receives among them. `transfers` may be in any order. */
export function insertCommunication(lists: readonly (readonly Operation[])[], transfers: readonly Transfer[]): readonly (readonly Operation[])[] {
  // Messages of one producer and channel stay in the order in which they were handed over.
  const leaving = lists.map((list) => new Array<number[] | undefined>(list.length));
  transfers.forEach(({ source, after, channel }, t) => {
    const here = leaving[source][after];
    if (!here) {
      leaving[source][after] = [t];
      return;
    }
    let at = here.length;
    while (at > 0 && channelOrder(transfers[here[at - 1]].channel) > channelOrder(channel)) at--;
    here.splice(at, 0, t);
  });
  const groups = new Map<number, number[]>();
  for (const places of leaving) {
    for (const here of places) {
      if (!here) continue;
      for (const t of here) {
        const { source, destination, channel } = transfers[t];
        const key = (source * lists.length + destination) * channels.length + channelOrder(channel);
        const group = groups.get(key);
        if (group) group.push(t);
        else groups.set(key, [t]);
      }
    }
  }
  const tagOf = new Int32Array(transfers.length);
  const arriving = lists.map((list) => new Array<number[] | undefined>(list.length + 1));
  for (const group of groups.values()) {
    const tags = [0, 0];
    for (const t of group) tagOf[t] = tags[transfers[t].iteration]++;
    const places = group.map((t) => transfers[t].before);
    for (let i = places.length - 2; i >= 0; i--) places[i] = Math.min(places[i], places[i + 1]);
    group.forEach((t, i) => {
      const there = arriving[transfers[t].destination];
      const here = there[places[i]];
      if (here) here.push(t);
      else there[places[i]] = [t];
    });
  }
  return lists.map((list, rank) => {
    const whole: Operation[] = [];
    for (let i = 0; i <= list.length; i++) {
      const ending = arriving[rank][i];
      if (ending) for (const t of ending) whole.push(endOf(transfers[t], tagOf[t], false, offsetOf(transfers[t])));
      if (i === list.length) break;
      whole.push(list[i]);
      const starting = leaving[rank][i];
      if (starting) for (const t of starting) whole.push(endOf(transfers[t], tagOf[t], true, 0));
    }
    return whole;
  });
}
