/** Frozen work waits for frozen work: on one device what makes a value stands before what takes it. */
import type { Operation } from "../model/program";
import type { Workload } from "../model/workload";
import type { Range } from "../model/plan";

type FrozenOperation = Pick<Operation, "op" | "component" | "layers" | "samples" | "iteration">;

/** The first of a rank's fills that stands before another one on the rank whose results it needs; undefined where there is none. */
export function fillBeforeItsInput<T extends FrozenOperation>(operations: readonly T[], workload: Workload): T | undefined {
  const fills = operations.filter(({ op }) => op === "FILL");
  const partOf = new Map(workload.frozen.map(({ component }, part) => [component, part]));
  const needs = (user: T, maker: T): boolean => {
    if (!user.layers || !maker.layers || user.iteration !== maker.iteration || !meet(user.samples, maker.samples)) return false;
    if (user.component === maker.component) return maker.layers[1] <= user.layers[0];
    const [part, made] = [partOf.get(user.component ?? ""), partOf.get(maker.component ?? "")];
    return workload.encodings.some((encoding) => encoding.part === made && isIn(encoding.layer, maker.layers) && encoding.parts.some((use) => use.part === part && use.layers.some((layer) => isIn(layer, user.layers))));
  };
  return fills.find((user, at) => fills.slice(at + 1).some((maker) => needs(user, maker)));
}

function isIn(layer: number, range: Range | undefined): boolean {
  return range !== undefined && range[0] <= layer && layer < range[1];
}

function meet(a: Range | undefined, b: Range | undefined): boolean {
  return a !== undefined && b !== undefined && a[0] < b[1] && b[0] < a[1];
}
