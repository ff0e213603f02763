/** The view's end of the conversation with the extension host. */
import { isHostMessage, nameOfUnknown } from "../src/protocol/guards";
import type { Edit, HostMessage, ViewMessage } from "../src/protocol/messages";
import { Requests } from "../src/protocol/requests";

interface VsCodeApi {
  postMessage(message: ViewMessage): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

export interface Host {
  post(message: ViewMessage): void;
  /** Resolves when the document holds the edit, rejects with the reason when it was refused. */
  edit(edit: Edit): Promise<void>;
  readonly state: { get(): unknown; set(state: unknown): void };
}

/** Starts listening, then says so: the host posts nothing before. */
export function connect(onMessage: (message: Exclude<HostMessage, { type: "reply" }>) => void): Host {
  const api = acquireVsCodeApi();
  const requests = new Requests();
  const warn = (message: string) => api.postMessage({ type: "log", level: "warning", message });
  window.addEventListener("message", (event: MessageEvent<unknown>) => {
    const message = event.data;
    if (!isHostMessage(message)) warn(`The timeline view got a message ${nameOfUnknown(message)} that it does not know.`);
    else if (message.type !== "reply") onMessage(message);
    else if (!requests.settle(message.id, message.error)) warn(`The timeline view got an answer to request ${message.id}, which is not open.`);
  });
  window.addEventListener("error", (event) => api.postMessage({ type: "log", level: "error", message: event.message }));
  window.addEventListener("unhandledrejection", (event) => api.postMessage({ type: "log", level: "error", message: String(event.reason) }));
  api.postMessage({ type: "ready" });
  return {
    post: (message) => api.postMessage(message),
    edit: (edit) => requests.send((id) => api.postMessage({ type: "edit", id, edit })),
    state: { get: () => api.getState(), set: (state) => api.setState(state) },
  };
}
