/** What trains together: the chains that follow from who learns. */
import type { Chain } from "../model/profile";
import type { ModelLayer } from "../model/model";
import { sourceTensor, type Pipeline, type Placed } from "./pipeline";

/** Every component at its place, in order: a gradient goes from where something learns to all that stands after it. */
export function placeAll(pipeline: Pipeline, trained: ReadonlySet<string>): ReadonlyMap<string, Placed> {
  const placed = new Map<string, Placed>();
  const gradients = new Set<string>();
  for (const { name, part, inputs } of pipeline.components) {
    const reached = Object.entries(inputs).filter(([, sources]) => sources.some((source) => gradients.has(sourceTensor(pipeline, source))));
    const one = part.place(name, { trained: trained.has(name), inputs: new Set(reached.map(([input]) => input)) });
    for (const id of one.gradients) gradients.add(id);
    placed.set(name, one);
  }
  return placed;
}

const isLeaf = ({ needsInputGrad, needsWeightGrad }: Pick<ModelLayer, "needsInputGrad" | "needsWeightGrad">) => !needsInputGrad && !needsWeightGrad;

/**
 * A chain for each loss that a gradient reaches, called after the component with the loss: of every component that leads to
 * it, the layers from the first that needs a gradient on. What stands before is frozen work.
 */
export function chainsOf(pipeline: Pipeline, placed: ReadonlyMap<string, Placed>): readonly Chain[] {
  return pipeline.losses.flatMap(({ component: last }) => {
    const leading = leadingTo(pipeline, last);
    const segments = [...placed].flatMap(([component, { layers }]) => {
      const from = leading.has(component) ? layers.findIndex((layer) => !isLeaf(layer)) : -1;
      return from < 0 ? [] : [{ component, from, to: layers.length }];
    });
    return segments.length > 0 ? [{ id: last, segments }] : [];
  });
}

/** The component and all that it needs, directly or not. */
function leadingTo(pipeline: Pipeline, last: string): ReadonlySet<string> {
  const found = new Set([last]);
  for (const component of [...pipeline.components].reverse()) {
    if (!found.has(component.name)) continue;
    for (const source of Object.values(component.inputs).flat()) if ("component" in source) found.add(source.component);
  }
  return found;
}
