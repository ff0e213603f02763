/** The model view's end of the conversation with the extension host. */
import type { Role } from "../../src/model/model";
import type { Bindings } from "../../src/model/profile";
import { isModelHostMessage } from "../../src/protocol/modelGuards";
import type { ModelHostMessage, ModelViewMessage } from "../../src/protocol/modelMessages";
import { openChannel, type Channel } from "../channel";

export interface ModelHost extends Pick<Channel<ModelViewMessage>, "post" | "state"> {
  /** Both resolve when the model is there as asked, and reject with the reason when it cannot be. */
  setRole(component: string, role: Role): Promise<void>;
  bind(bindings: Bindings): Promise<void>;
}

export function connectModel(onMessage: (message: Exclude<ModelHostMessage, { type: "reply" }>) => void): ModelHost {
  const channel = openChannel<ModelHostMessage, ModelViewMessage>("model view", isModelHostMessage, onMessage);
  return {
    ...channel,
    setRole: (component, role) => channel.request((id) => ({ type: "setRole", id, component, role })),
    bind: (bindings) => channel.request((id) => ({ type: "bind", id, bindings })),
  };
}
