/** Operators that move values without computing: concatenation, slices, axes split, merged and permuted. */
import { elements, type Concat, type Extent, type PerSample, type Rearrange, type Shape, type Slice } from "../../model/operator";
import { expectShape, noParameters, nothingSaved, ShapeError, type OperatorFamily, type OperatorFlops } from "./family";

const noFlops = (count: number): OperatorFlops => ({ forward: 0, inputGrad: new Array<number>(count).fill(0), weightGrad: 0 });

const fromStart = (axis: number, shape: Shape) => (axis < 0 ? axis + shape.length : axis);

export const concat: OperatorFamily<Concat> = {
  inputs: (operator) => operator.inputs,
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [first] = inputs;
    const along = fromStart(operator.axis, first);
    expectShape(along >= 0 && along < first.length && inputs.every((shape) => shape.length === first.length && shape.every((size, axis) => axis === along || size === first[axis])), operator, inputs);
    return first.map((size, axis) => (axis === along ? inputs.reduce((sum, shape) => sum + shape[along], 0) : size));
  },
  flops: (operator) => noFlops(operator.inputs.length),
  saved: nothingSaved,
  forward: ({ inputs, axis }, _shapes, graph) => graph.node("Concat", inputs.map((name) => graph.value(name)), { axis }),
  inputGrad({ axis }, { inputs }, graph, gradient, wanted) {
    const along = fromStart(axis, inputs[0]);
    let start = 0;
    return inputs.map((shape, index) => {
      const from = start;
      start += shape[along];
      return wanted[index] ? graph.slice(gradient, along, from, start) : undefined;
    });
  },
};

export const perSample: OperatorFamily<PerSample> = {
  inputs: ({ input, like }) => [input, like],
  shapeOnly: ({ like }) => [like],
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [[samples, ...rest], [batch]] = inputs;
    expectShape(samples === 1, operator, inputs);
    return [batch, ...rest];
  },
  /** The gradient is summed over the samples. */
  flops: (_operator, { output }) => ({ forward: 0, inputGrad: [elements(output), 0], weightGrad: 0 }),
  saved: nothingSaved,
  forward: ({ input }, { output }, graph) => graph.node("Expand", [graph.value(input), graph.integers(output)]),
  inputGrad: (_operator, { output }, graph, gradient) => [output[0] === 1 ? gradient : graph.sum(gradient, [0]), undefined],
};

const likes = (extents: readonly (Extent | undefined)[]) => extents.flatMap((extent) => (typeof extent === "object" ? [extent.like] : []));

/** Start and end of a slice. Values that extents are read from follow the sliced one among `inputs`. */
function bounds(operator: Slice, inputs: readonly Shape[]): readonly [start: number, end: number] {
  let next = 1;
  const resolve = (extent: Extent): number => {
    if (typeof extent === "number") return extent;
    const shape = inputs[next++];
    return shape[fromStart(extent.axis, shape)];
  };
  const start = resolve(operator.start);
  return [start, operator.size === undefined ? inputs[0][fromStart(operator.axis, inputs[0])] : start + resolve(operator.size)];
}

export const slice: OperatorFamily<Slice> = {
  inputs: ({ input, start, size }) => [input, ...likes([start, size])],
  shapeOnly: ({ start, size }) => likes([start, size]),
  parameters: noParameters,
  outputShape(operator, inputs) {
    const [shape] = inputs;
    const along = fromStart(operator.axis, shape);
    const [start, end] = bounds(operator, inputs);
    expectShape(start >= 0 && start < end && end <= shape[along], operator, inputs);
    return shape.map((size, axis) => (axis === along ? end - start : size));
  },
  flops: (operator) => noFlops(slice.inputs(operator).length),
  saved: nothingSaved,
  forward(operator, { inputs }, graph) {
    const [start, end] = bounds(operator, inputs);
    return graph.slice(graph.value(operator.input), fromStart(operator.axis, inputs[0]), start, end);
  },
  inputGrad(operator, { inputs }, graph, gradient) {
    const [start, end] = bounds(operator, inputs);
    const along = fromStart(operator.axis, inputs[0]);
    const only = (count: number) => inputs[0].map((_, axis) => (axis === along ? count : 0));
    return [graph.pad(gradient, only(start), only(inputs[0][along] - end)), ...inputs.slice(1).map(() => undefined)];
  },
};

type Group = readonly string[];

/** "b (h p) 1" as groups of names; 1 is a group of none. */
function groupsOf(side: string): readonly Group[] {
  return (side.match(/\([^()]*\)|[^\s()]+/g) ?? []).map((part) => part.replace(/[()]/g, " ").trim().split(/\s+/).filter((name) => name !== "1"));
}

const sidesOf = (pattern: string) => pattern.split("->").map(groupsOf);

/** Adds what a shape says of the names in its pattern; at most one name of a group may be unknown. */
function learnSizes(sizes: Map<string, number>, groups: readonly Group[], shape: Shape): void {
  if (groups.length !== shape.length) throw new ShapeError(`[${shape.join(", ")}] does not have the axes of ${JSON.stringify(groups)}.`);
  for (const [axis, group] of groups.entries()) {
    const unknown = group.filter((name) => !sizes.has(name));
    const known = group.reduce((product, name) => product * (sizes.get(name) ?? 1), 1);
    const [name] = unknown;
    if (unknown.length === 1) sizes.set(name, shape[axis] / known);
    const whole = unknown.length === 0 ? known === shape[axis] : unknown.length === 1 && Number.isInteger(shape[axis] / known);
    if (!whole) throw new ShapeError(`[${shape.join(", ")}] does not divide into ${JSON.stringify(groups)}.`);
  }
}

interface Rearrangement {
  readonly split: Shape;
  readonly permutation: readonly number[];
  /** The permuted axes with an axis of one element for each that is repeated along, and those axes repeated; the same where none is. */
  readonly spread: Shape;
  readonly repeated: Shape;
  readonly output: Shape;
}

function rearrangement(operator: Rearrange, inputs: readonly Shape[]): Rearrangement {
  const [from, to] = sidesOf(operator.pattern);
  const sizes = new Map(Object.entries(operator.sizes ?? {}));
  if (operator.like) learnSizes(sizes, groupsOf(operator.like.pattern), inputs[1]);
  learnSizes(sizes, from, inputs[0]);
  const sizeOf = (name: string) => sizes.get(name) ?? 1;
  const names = from.flat();
  return {
    split: names.map(sizeOf),
    permutation: to.flat().filter((name) => names.includes(name)).map((name) => names.indexOf(name)),
    spread: to.flat().map((name) => (names.includes(name) ? sizeOf(name) : 1)),
    repeated: to.flat().map(sizeOf),
    output: to.map((group) => group.reduce((product, name) => product * sizeOf(name), 1)),
  };
}

/** Whether a rearrangement leaves every element where it is in memory. */
export function isView(operator: Rearrange): boolean {
  const [from, to] = sidesOf(operator.pattern);
  return from.flat().join() === to.flat().join();
}

export const rearrange: OperatorFamily<Rearrange> = {
  inputs: ({ input, like }) => [input, ...(like ? [like.value] : [])],
  shapeOnly: ({ like }) => (like ? [like.value] : []),
  parameters: noParameters,
  outputShape: (operator, inputs) => rearrangement(operator, inputs).output,
  /** The gradient of what is repeated is summed. */
  flops: ({ like }, { inputs: [input], output }) => ({ forward: 0, inputGrad: [elements(output) > elements(input) ? elements(output) : 0, ...(like ? [0] : [])], weightGrad: 0 }),
  saved: nothingSaved,
  forward(operator, { inputs, output }, graph) {
    const { split, permutation, spread, repeated } = rearrangement(operator, inputs);
    if (isView(operator)) return graph.reshape(graph.value(operator.input), output);
    const permuted = graph.transpose(graph.reshaped(graph.value(operator.input), inputs[0], split), permutation);
    const value = graph.reshaped(permuted, permutation.map((axis) => split[axis]), spread);
    return graph.reshaped(repeated.join() === spread.join() ? value : graph.node("Expand", [value, graph.integers(repeated)]), repeated, output);
  },
  /** The same steps backwards; what was repeated is summed. */
  inputGrad(operator, { inputs, output }, graph, gradient) {
    const { split, permutation, spread, repeated } = rearrangement(operator, inputs);
    const rest = inputs.slice(1).map(() => undefined);
    if (isView(operator)) return [graph.reshape(gradient, inputs[0]), ...rest];
    const axes = repeated.flatMap((size, axis) => (size === spread[axis] ? [] : [axis]));
    const whole = graph.reshaped(gradient, output, repeated);
    const summed = axes.length === 0 ? whole : graph.sum(whole, axes);
    const value = graph.reshaped(summed, spread, permutation.map((axis) => split[axis]));
    const back = split.map((_, axis) => permutation.indexOf(axis));
    return [graph.reshaped(graph.transpose(value, back), split, inputs[0]), ...rest];
  },
};
