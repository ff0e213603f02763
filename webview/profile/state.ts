/** What of the profile view outlives its page: kept with `setState`, checked when it comes back. */
import { flag, isFields, listOf, text, whole } from "../../src/protocol/checks";
import { columnIds, sortedFirst, type ColumnId, type Sorting } from "./columns";
import type { Unit } from "./rows";

export interface ProfileViewState {
  /** Undefined until one is chosen: then the one that most layers were timed at. */
  readonly batch?: number;
  readonly unit: Unit;
  readonly sorting: Sorting;
  readonly grouped: boolean;
  readonly collapsed: readonly string[];
  readonly query: string;
  /** Key of the row that the keyboard is on. */
  readonly active?: string;
  readonly scrollTop: number;
}

export function restoredProfileState(value: unknown): ProfileViewState {
  const { batch, unit, sorting, grouped, collapsed, query, active, scrollTop } = isFields(value) ? value : {};
  return {
    ...(whole(batch) && { batch: batch as number }),
    unit: unit === "sample" ? "sample" : "pass",
    sorting: isSorting(sorting) ? { column: sorting.column, descending: sorting.descending } : sortedFirst("order"),
    grouped: flag(grouped) ? (grouped as boolean) : true,
    collapsed: listOf(text)(collapsed) ? (collapsed as string[]) : [],
    query: text(query) ? (query as string) : "",
    ...(text(active) && { active: active as string }),
    scrollTop: whole(scrollTop) ? (scrollTop as number) : 0,
  };
}

function isSorting(value: unknown): value is Sorting {
  return isFields(value) && flag(value.descending) && columnIds.includes(value.column as ColumnId);
}
