/** The timeline view's end of the conversation with the extension host. */
import { isHostMessage } from "../src/protocol/guards";
import type { Answer, AnswerTo, Ask } from "../src/protocol/judging";
import type { Edit, HostMessage, HostNews, ViewMessage } from "../src/protocol/messages";
import { openChannel, type Channel } from "./channel";

export interface AskHooks {
  /** When it fires, the host is told and the question resolves to undefined. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Host extends Pick<Channel<ViewMessage>, "post" | "state"> {
  /** Resolves when the document holds the edit, rejects with the reason when it was refused. */
  edit(edit: Edit): Promise<void>;
  /** Resolves with the answer, or undefined where it was called off, and rejects with the reason when there is none. */
  ask<A extends Ask>(ask: A, hooks?: AskHooks): Promise<AnswerTo<A["kind"]> | undefined>;
  /** Goes to a component, or one of its layers, in the model view or in its configuration file. Rejects with the reason where there is no way. */
  jump(to: "model" | "configuration", component: string, layer: string | undefined): Promise<void>;
}

export function connect(onMessage: (message: HostNews) => void): Host {
  const followers = new Map<number, (done: number, total: number) => void>();
  const channel = openChannel<HostMessage, ViewMessage>("timeline view", isHostMessage, (message) => {
    if (message.type === "progress") followers.get(message.id)?.(message.done, message.total);
    else onMessage(message);
  });
  return {
    ...channel,
    edit: (edit) => channel.request((id) => ({ type: "edit", id, edit })),
    jump: (to, component, layer) => channel.request((id) => ({ type: "jump", id, to, component, ...(layer !== undefined && { layer }) })),
    async ask<A extends Ask>(ask: A, { signal, onProgress }: AskHooks = {}) {
      let own = 0;
      const cancel = () => channel.post({ type: "cancel", id: own });
      try {
        const answered = channel.ask((id) => {
          own = id;
          if (onProgress) followers.set(id, onProgress);
          return { type: "ask", id, ask };
        });
        signal?.addEventListener("abort", cancel);
        const answer = (await answered) as Answer | undefined;
        if (answer && answer.kind !== ask.kind) throw new Error(`The host answered "${answer.kind}" to "${ask.kind}".`);
        return answer as AnswerTo<A["kind"]> | undefined;
      } finally {
        signal?.removeEventListener("abort", cancel);
        followers.delete(own);
      }
    },
  };
}
