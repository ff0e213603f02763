/** A component by itself as a pipeline: all that it takes comes with the data. */
import type { Component, Pipeline } from "./pipeline";

/** @param trained Whether a loss follows it. Without one nothing trains. */
export function alone(name: string, part: Component, trained: boolean): Pipeline {
  const names = trained ? [name] : [];
  return {
    class: part.class,
    components: [{ name, part, sizes: (sizes) => sizes, inputs: Object.fromEntries(part.inputs.map((input) => [input.name, [{ data: input.name }]])) }],
    data: part.inputs,
    losses: names.map((component) => ({ component, needs: [] })),
    trained: names,
    trainable: names,
    defaultBindings: part.defaultSizes,
    predictionType: "epsilon",
  };
}
