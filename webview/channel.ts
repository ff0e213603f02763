/** A view's end of the conversation with the extension host: guards what comes, tells the host of what fails, says when it listens. */
import { nameOfUnknown } from "../src/protocol/checks";
import { Requests } from "../src/protocol/requests";

interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

interface Reply {
  readonly type: "reply";
  readonly id: number;
  readonly error?: string;
  readonly answer?: unknown;
}

/** Messages that every view can send. */
type Common = { readonly type: "ready" } | { readonly type: "log"; readonly level: "warning" | "error"; readonly message: string };

export interface Channel<Out> {
  post(message: Out): void;
  /** Sends a request; resolves when it was carried out, rejects with the reason when it was refused. */
  request(message: (id: number) => Out): Promise<void>;
  /** The same for what has an answer; undefined where it was called off. */
  ask(message: (id: number) => Out): Promise<unknown>;
  readonly state: { get(): unknown; set(state: unknown): void };
}

/** Starts listening, then says so: the host posts nothing before. @param view What logs call it. */
export function openChannel<In extends { readonly type: string }, Out>(view: string, isKnown: (value: unknown) => value is In | Reply, receive: (message: Exclude<In, Reply>) => void): Channel<Out> {
  const api = acquireVsCodeApi();
  const requests = new Requests();
  const say = (message: Common) => api.postMessage(message);
  const log = (level: "warning" | "error", message: string) => say({ type: "log", level, message });
  window.addEventListener("message", (event: MessageEvent<unknown>) => {
    const message = event.data;
    if (!isKnown(message)) log("warning", `The ${view} got a message ${nameOfUnknown(message)} that it does not know.`);
    else if (!isReply(message)) receive(message as Exclude<In, Reply>);
    else if (!requests.settle(message.id, message.error, message.answer)) log("warning", `The ${view} got an answer to request ${message.id}, which is not open.`);
  });
  window.addEventListener("error", (event) => log("error", event.message));
  window.addEventListener("unhandledrejection", (event) => log("error", String(event.reason)));
  say({ type: "ready" });
  return {
    post: (message) => api.postMessage(message),
    request: async (message) => void (await requests.send((id) => api.postMessage(message(id)))),
    ask: (message) => requests.send((id) => api.postMessage(message(id))),
    state: { get: () => api.getState(), set: (state) => api.setState(state) },
  };
}

function isReply(message: { readonly type: string }): message is Reply {
  return message.type === "reply";
}
