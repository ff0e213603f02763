/** What of the model view outlives its page: kept with `setState`, checked when it comes back. */
import { flag, isFields, listOf, optional, text, whole } from "../../src/protocol/checks";
import { isBindings } from "../../src/protocol/modelGuards";
import type { Bindings } from "../../src/model/profile";

export interface ModelViewState {
  /** Of the model: what the panel is opened with when the window comes back. */
  readonly path?: string;
  readonly bindings?: Bindings;
  /** Undefined until the user has opened or closed one: then those that train are open. */
  readonly collapsed?: readonly string[];
  readonly opened: readonly string[];
  readonly grouped: boolean;
  readonly query: string;
  /** Key of the row that the keyboard is on. */
  readonly active?: string;
  readonly scrollTop: number;
}

export function restoredModelState(value: unknown): ModelViewState {
  const { path, bindings, collapsed, opened, grouped, query, active, scrollTop } = isFields(value) ? value : {};
  return {
    ...(text(path) && { path: path as string }),
    ...(isBindings(bindings) && { bindings }),
    ...(collapsed !== undefined && optional(listOf(text))(collapsed) && { collapsed: collapsed as string[] }),
    opened: listOf(text)(opened) ? (opened as string[]) : [],
    grouped: flag(grouped) ? (grouped as boolean) : true,
    query: text(query) ? (query as string) : "",
    ...(text(active) && { active: active as string }),
    scrollTop: whole(scrollTop) ? (scrollTop as number) : 0,
  };
}
