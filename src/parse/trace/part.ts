/** A traced module as a component of a pipeline: its figures hold for the sizes that it was traced at, and for no others. */
import type { Component } from "../pipeline";
import type { TracedComponent } from "./component";

export function tracedPart(traced: TracedComponent): Component {
  const placedAlone = traced.place("", { trained: false, inputs: false });
  const outputs = traced.outputs("").map((id) => {
    const tensor = placedAlone.tensors.find((candidate) => candidate.id === id);
    return { layer: tensor?.producer.layer ?? placedAlone.layers[placedAlone.layers.length - 1].name, output: Number(id.split("#")[1] ?? 0) };
  });
  return {
    class: traced.class,
    inputs: traced.inputs.map(({ name, bytesPerSample, bytesFixed = 0 }) => ({ name, bytes: () => ({ perSample: bytesPerSample, fixed: bytesFixed }) })),
    outputs: { "": outputs[0] },
    defaultSizes: traced.sizes,
    place(name, { trained, inputs }) {
      const { layers, bound, tensors } = traced.place(name, { trained, inputs: inputs.size > 0 });
      return {
        layers,
        gradients: new Set(tensors.filter(({ hasGradient }) => hasGradient).map(({ id }) => id)),
        readers: new Map(traced.inputs.map((input) => [input.name, input.consumers])),
        bind(sizes) {
          traced.checkSizes(sizes);
          return { layers: bound, tensors };
        },
      };
    },
  };
}
