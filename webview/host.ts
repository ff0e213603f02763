/** The timeline view's end of the conversation with the extension host. */
import { isHostMessage } from "../src/protocol/guards";
import type { Edit, HostMessage, ViewMessage } from "../src/protocol/messages";
import { openChannel, type Channel } from "./channel";

export interface Host extends Pick<Channel<ViewMessage>, "post" | "state"> {
  /** Resolves when the document holds the edit, rejects with the reason when it was refused. */
  edit(edit: Edit): Promise<void>;
  /** Goes to a component, or one of its layers, in the model view or in its configuration file. Rejects with the reason where there is no way. */
  jump(to: "model" | "configuration", component: string, layer: string | undefined): Promise<void>;
}

export function connect(onMessage: (message: Exclude<HostMessage, { type: "reply" }>) => void): Host {
  const channel = openChannel<HostMessage, ViewMessage>("timeline view", isHostMessage, onMessage);
  return {
    ...channel,
    edit: (edit) => channel.request((id) => ({ type: "edit", id, edit })),
    jump: (to, component, layer) => channel.request((id) => ({ type: "jump", id, to, component, ...(layer !== undefined && { layer }) })),
  };
}
