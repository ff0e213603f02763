/** Operators that only lay elements out anew: reshaping, slicing, gathering, joining, padding. Known elements follow. */
import type { TensorInfo } from "../types";
import { broadcast, broadcastIndices, isSmall, positions, sizeOf, stridesOf, tensor, type Call, type Infer, type Operators, type Shape } from "./call";

/** The elements of `input` at these indices. */
function pick(input: TensorInfo, shape: Shape, indices: () => readonly number[]): TensorInfo {
  return tensor(input.type, shape, input.value && isSmall(shape) ? indices().map((index) => input.value![index]) : undefined);
}

function relabel(input: TensorInfo, shape: Shape): TensorInfo {
  return tensor(input.type, shape, input.value);
}

const reshape: Infer = (call) => {
  const input = call.input(0);
  const wanted = call.integers("shape", 1) ?? call.fail("The new shape is missing.");
  const keepsZero = call.int("allowzero", 0) === 1;
  const sizes = wanted.map((size, axis) => (size === 0 && !keepsZero ? (input.shape[axis] ?? call.fail(`Size ${axis + 1} is to be copied from an input with fewer dimensions.`)) : size));
  const known = sizeOf(sizes.filter((size) => size !== -1));
  const total = sizeOf(input.shape);
  const rest = sizes.includes(-1) ? (known === 0 ? 0 : total / known) : 1;
  const shape = sizes.map((size) => (size === -1 ? rest : size));
  if (sizes.filter((size) => size === -1).length > 1 || !Number.isInteger(rest) || shape.some((size) => size < 0) || sizeOf(shape) !== total) {
    call.fail(`[${input.shape.join(", ")}] cannot take the shape [${wanted.slice(0, 16).join(", ")}].`);
  }
  return [relabel(input, shape)];
};

const transpose: Infer = (call) => {
  const input = call.input(0);
  const order = call.ints("perm") ?? input.shape.map((_, axis) => input.shape.length - 1 - axis);
  if (order.length !== input.shape.length || new Set(order).size !== order.length) call.fail(`The order [${order.join(", ")}] does not fit [${input.shape.join(", ")}].`);
  const axes = order.map((axis) => call.axis(axis, input.shape.length));
  const shape = axes.map((axis) => input.shape[axis]);
  const strides = stridesOf(input.shape);
  return [pick(input, shape, () => positions(shape).map((position) => position.reduce((index, at, i) => index + at * strides[axes[i]], 0)))];
};

const flatten: Infer = (call) => {
  const input = call.input(0);
  const rank = input.shape.length;
  const axis = call.int("axis", 1);
  const at = axis === rank ? rank : call.axis(axis, rank);
  return [relabel(input, [sizeOf(input.shape.slice(0, at)), sizeOf(input.shape.slice(at))])];
};

const squeeze: Infer = (call) => {
  const input = call.input(0);
  const axes = call.integers("axes", 1)?.map((axis) => call.axis(axis, input.shape.length)) ?? input.shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
  const wide = axes.find((axis) => input.shape[axis] !== 1);
  if (wide !== undefined) call.fail(`Dimension ${wide + 1} of [${input.shape.join(", ")}] is to be taken away, but its size is not 1.`);
  return [relabel(input, input.shape.filter((_, axis) => !axes.includes(axis)))];
};

const unsqueeze: Infer = (call) => {
  const input = call.input(0);
  const given = call.integers("axes", 1) ?? call.fail("The axes are missing.");
  const rank = input.shape.length + given.length;
  const axes = new Set(given.map((axis) => call.axis(axis, rank)));
  if (axes.size !== given.length) call.fail("An axis is named twice.");
  const rest = [...input.shape];
  return [relabel(input, Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : rest.shift()!)))];
};

const expand: Infer = (call) => {
  const input = call.input(0);
  const shape = broadcast(call, [input.shape, call.value(1)]);
  return [pick(input, shape, () => broadcastIndices(input.shape, shape))];
};

const tile: Infer = (call) => {
  const input = call.input(0);
  // The first version has a number of tiles and one axis.
  const isFirst = call.version < 6;
  const repeats = isFirst ? input.shape.map((_, axis) => (axis === call.value(2)[0] ? call.value(1)[0] : 1)) : call.value(1);
  if (repeats.length !== input.shape.length) call.fail(`${repeats.length} repeats do not fit [${input.shape.join(", ")}].`);
  const shape = input.shape.map((size, axis) => size * repeats[axis]);
  const strides = stridesOf(input.shape);
  return [pick(input, shape, () => positions(shape).map((position) => position.reduce((index, at, axis) => index + (at % input.shape[axis]) * strides[axis], 0)))];
};

const concat: Infer = (call) => {
  const inputs = call.node.inputs.map((_, index) => call.input(index));
  if (inputs.length === 0) call.fail("The operator has no inputs.");
  const [first] = inputs;
  const axis = call.axis(call.int("axis", 1), first.shape.length);
  const odd = inputs.find(({ shape }) => shape.length !== first.shape.length || shape.some((size, i) => i !== axis && size !== first.shape[i]));
  if (odd) call.fail(`[${first.shape.join(", ")}] and [${odd.shape.join(", ")}] cannot be joined along axis ${axis}.`);
  const shape = first.shape.map((size, i) => (i === axis ? inputs.reduce((sum, input) => sum + input.shape[axis], 0) : size));
  if (inputs.some(({ value }) => !value) || !isSmall(shape)) return [tensor(first.type, shape)];
  const outer = sizeOf(first.shape.slice(0, axis));
  const rows = inputs.map((input) => sizeOf(input.shape.slice(axis)));
  return [tensor(first.type, shape, Array.from({ length: outer }, (_, row) => inputs.flatMap((input, i) => input.value!.slice(row * rows[i], (row + 1) * rows[i]))).flat())];
};

function sliceAxis(input: TensorInfo, axis: number, from: number, count: number, step = 1): TensorInfo {
  const shape = input.shape.map((size, i) => (i === axis ? count : size));
  const strides = stridesOf(input.shape);
  return pick(input, shape, () => positions(shape).map((position) => position.reduce((index, at, i) => index + (i === axis ? from + at * step : at) * strides[i], 0)));
}

const split: Infer = (call) => {
  const input = call.input(0);
  const axis = call.axis(call.int("axis", 0), input.shape.length);
  const parts = call.int("num_outputs") ?? call.node.outputs.length;
  const given = call.integers("split", 1);
  // A number out of a hostile file would be the length of a list.
  if (!given && parts !== call.node.outputs.length) call.fail(`It splits into ${parts} parts and has ${call.node.outputs.length} outputs.`);
  const even = Math.ceil(input.shape[axis] / parts);
  const sizes = given ?? Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(even, input.shape[axis] - i * even)));
  if (sizes.reduce((sum, size) => sum + size, 0) !== input.shape[axis] || sizes.some((size) => size < 0)) call.fail(`Axis ${axis} of [${input.shape.join(", ")}] cannot be split into ${sizes.join(" + ")}.`);
  let from = 0;
  return sizes.map((size) => sliceAxis(input, axis, (from += size) - size, size));
};

const slice: Infer = (call) => {
  const input = call.input(0);
  const starts = call.integers("starts", 1) ?? call.fail("The starts are missing.");
  const ends = call.integers("ends", 2) ?? call.fail("The ends are missing.");
  const axes = (call.integers("axes", 3) ?? starts.map((_, axis) => axis)).map((axis) => call.axis(axis, input.shape.length));
  const steps = call.has(4) ? call.value(4) : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) call.fail("Starts, ends, axes and steps are not equally many.");
  return [
    axes.reduce((sliced, axis, i) => {
      const size = input.shape[axis];
      const step = steps[i];
      if (step === 0) call.fail("A step is 0.");
      const clamp = (at: number, low: number, high: number) => Math.min(high, Math.max(low, at < 0 ? at + size : at));
      const from = step > 0 ? clamp(starts[i], 0, size) : clamp(starts[i], 0, size - 1);
      const to = step > 0 ? clamp(ends[i], 0, size) : clamp(ends[i], -1, size - 1);
      return sliceAxis(sliced, axis, from, Math.max(0, Math.ceil((to - from) / step)), step);
    }, input),
  ];
};

const gather: Infer = (call) => {
  const [input, indices] = [call.input(0), call.input(1)];
  const axis = call.axis(call.int("axis", 0), input.shape.length);
  const shape = [...input.shape.slice(0, axis), ...indices.shape, ...input.shape.slice(axis + 1)];
  const at = indices.value?.map((index) => (index < 0 ? index + input.shape[axis] : index));
  if (!input.value || !at || !isSmall(shape)) return [tensor(input.type, shape)];
  if (at.some((index) => index < 0 || index >= input.shape[axis])) call.fail(`An index is beyond axis ${axis} of [${input.shape.join(", ")}].`);
  const inner = sizeOf(input.shape.slice(axis + 1));
  const outer = sizeOf(input.shape.slice(0, axis));
  const value = Array.from({ length: outer }, (_, row) => at.flatMap((index) => input.value!.slice((row * input.shape[axis] + index) * inner, (row * input.shape[axis] + index + 1) * inner))).flat();
  return [tensor(input.type, shape, value)];
};

const gatherNd: Infer = (call) => {
  const [data, indices] = [call.shape(0), call.shape(1)];
  const batch = call.int("batch_dims", 0);
  const depth = indices.at(-1);
  if (depth === undefined || batch + depth > data.length) return call.fail(`Indices [${indices.join(", ")}] do not fit [${data.join(", ")}].`);
  return [tensor(call.type(0), [...indices.slice(0, -1), ...data.slice(batch + depth)])];
};

const pad: Infer = (call) => {
  const { type, shape } = call.input(0);
  const pads = call.integers("pads", 1) ?? call.ints("paddings") ?? call.fail("The amounts of padding are missing.");
  const axes = call.has(3) ? call.value(3).map((axis) => call.axis(axis, shape.length)) : shape.map((_, axis) => axis);
  if (pads.length !== 2 * axes.length) call.fail(`${pads.length} amounts of padding do not fit [${shape.join(", ")}].`);
  const sizes = shape.map((size, axis) => {
    const i = axes.indexOf(axis);
    return i < 0 ? size : size + pads[i] + pads[i + axes.length];
  });
  if (sizes.some((size) => size < 0)) call.fail("More is cut off than there is.");
  return [tensor(type, sizes)];
};

const depthToSpace: Infer = (call) => {
  call.expectRank(0, 4);
  const [n, c, h, w] = call.shape(0);
  const block = call.int("blocksize", 1);
  if (block < 1 || c % block ** 2 !== 0) call.fail(`${c} channels cannot be laid out in blocks of ${block}.`);
  return [tensor(call.type(0), [n, c / block ** 2, h * block, w * block])];
};

const spaceToDepth: Infer = (call) => {
  call.expectRank(0, 4);
  const [n, c, h, w] = call.shape(0);
  const block = call.int("blocksize", 1);
  if (block < 1 || h % block !== 0 || w % block !== 0) call.fail(`[${h}, ${w}] cannot be divided into blocks of ${block}.`);
  return [tensor(call.type(0), [n, c * block ** 2, h / block, w / block])];
};

const shapeOf: Infer = (call) => {
  const { shape } = call.input(0);
  const clamp = (at: number) => Math.min(shape.length, Math.max(0, at < 0 ? at + shape.length : at));
  const part = shape.slice(clamp(call.int("start", 0)), clamp(call.int("end", shape.length)));
  return [tensor("int64", [part.length], part)];
};

const nonZero: Infer = (call) => {
  const input = call.input(0);
  const value = call.value(0);
  const found = positions(input.shape).filter((_, index) => value[index] !== 0);
  return [tensor("int64", [input.shape.length, found.length], input.shape.flatMap((_, axis) => found.map((position) => position[axis])))];
};

const compress: Infer = (call) => {
  const { type, shape } = call.input(0);
  const axis = call.int("axis");
  const kept = call.value(1).filter((flag) => flag !== 0).length;
  return [tensor(type, axis === undefined ? [kept] : shape.map((size, i) => (i === call.axis(axis, shape.length) ? kept : size)))];
};

const oneHot: Infer = (call) => {
  const indices = call.shape(0);
  const axis = call.axis(call.int("axis", -1), indices.length + 1);
  return [tensor(call.type(2), [...indices.slice(0, axis), Math.trunc(call.value(1)[0]), ...indices.slice(axis)])];
};

/** The first input with its middle cut out, or padded around. */
const centerCropPad: Infer = (call) => {
  const { type, shape } = call.input(0);
  const axes = call.ints("axes")?.map((axis) => call.axis(axis, shape.length)) ?? shape.map((_, axis) => axis);
  const sizes = call.value(1);
  return [tensor(type, shape.map((size, axis) => (axes.includes(axis) ? sizes[axes.indexOf(axis)] : size)))];
};

const likeFirst = (call: Call) => [tensor(call.type(0), call.shape(0))];

export const layout: Operators = {
  Reshape: reshape, Transpose: transpose, Flatten: flatten, Squeeze: squeeze, Unsqueeze: unsqueeze, Expand: expand, Tile: tile, Concat: concat, Split: split, Slice: slice, Gather: gather,
  GatherElements: (call) => [tensor(call.type(0), call.shape(1))],
  GatherND: gatherNd, Pad: pad, DepthToSpace: depthToSpace, SpaceToDepth: spaceToDepth, Shape: shapeOf,
  Size: (call) => [tensor("int64", [], [sizeOf(call.shape(0))])],
  NonZero: nonZero, Compress: compress, OneHot: oneHot, CenterCropPad: centerCropPad,
  Scatter: likeFirst, ScatterElements: likeFirst, ScatterND: likeFirst, TensorScatter: likeFirst,
};
