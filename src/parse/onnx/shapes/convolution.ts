/** Operators on images: convolutions, pooling, resizing, sampling. Images are [N, C, spatial...]. */
import { sizeOf, tensor, type Call, type Infer, type Operators, type Shape } from "./call";

interface Geometry {
  readonly spatial: Shape;
  readonly kernel: Shape;
  readonly strides: Shape;
  readonly dilations: Shape;
  /** Padding before and behind together, per dimension. */
  readonly pads: Shape;
}

function geometry(call: Call, input: Shape, kernel: Shape): Geometry {
  const spatial = input.slice(2);
  const rank = spatial.length;
  const list = (name: string, otherwise: number) => {
    const found = call.ints(name) ?? new Array<number>(rank).fill(otherwise);
    return found.length === rank ? found : call.fail(`"${name}" has ${found.length} numbers for ${rank} dimensions.`);
  };
  if (kernel.length !== rank) call.fail(`A kernel [${kernel.join(", ")}] does not fit [${input.join(", ")}].`);
  const [strides, dilations] = [list("strides", 1), list("dilations", 1)];
  if ([...strides, ...dilations, ...kernel].some((size) => size < 1)) call.fail("Kernel, strides and dilations are at least 1.");
  const given = call.ints("pads") ?? new Array<number>(2 * rank).fill(0);
  if (given.length !== 2 * rank) call.fail(`"pads" has ${given.length} numbers for ${rank} dimensions.`);
  const auto = call.text("auto_pad") ?? "NOTSET";
  const pads = spatial.map((size, i) => {
    if (auto === "VALID") return 0;
    if (auto.startsWith("SAME")) return Math.max(0, (Math.ceil(size / strides[i]) - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - size);
    return given[i] + given[i + rank];
  });
  return { spatial, kernel, strides, dilations, pads };
}

/** Windows that fit: the usual formula of convolution and pooling. */
function windows(call: Call, { spatial, kernel, strides, dilations, pads }: Geometry, ceiling = false): Shape {
  return spatial.map((size, i) => {
    const steps = (size + pads[i] - (kernel[i] - 1) * dilations[i] - 1) / strides[i];
    let count = (ceiling ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A window that would begin in the padding behind is left out.
    if (ceiling && (count - 1) * strides[i] >= size + Math.ceil(pads[i] / 2)) count -= 1;
    return count > 0 ? count : call.fail(`A window of ${(kernel[i] - 1) * dilations[i] + 1} does not fit into ${size + pads[i]}.`);
  });
}

/** @param weight Index of the weight among the inputs. */
function convolution(weight: number, type?: (call: Call) => Parameters<typeof tensor>[0]): Infer {
  return (call) => {
    call.expectRank(0, 3);
    const [input, kernel] = [call.shape(0), call.shape(weight)];
    const channels = (kernel[1] ?? 0) * call.int("group", 1);
    if (kernel.length !== input.length || input[1] !== channels) call.fail(`An input [${input.join(", ")}] does not fit a weight [${kernel.join(", ")}].`);
    return [tensor(type ? type(call) : call.type(0), [input[0], kernel[0], ...windows(call, geometry(call, input, call.ints("kernel_shape") ?? kernel.slice(2)))])];
  };
}

const transposed: Infer = (call) => {
  call.expectRank(0, 3);
  const [input, weight] = [call.shape(0), call.shape(1)];
  if (weight.length !== input.length || weight[0] !== input[1]) call.fail(`An input [${input.join(", ")}] does not fit a weight [${weight.join(", ")}].`);
  const { spatial, kernel, strides, dilations } = geometry(call, input, call.ints("kernel_shape") ?? weight.slice(2));
  const given = call.ints("pads") ?? new Array<number>(2 * spatial.length).fill(0);
  const extra = call.ints("output_padding") ?? spatial.map(() => 0);
  const auto = call.text("auto_pad") ?? "NOTSET";
  const sizes = call.ints("output_shape") ?? spatial.map((size, i) => (auto.startsWith("SAME") ? size * strides[i] : strides[i] * (size - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1 - (auto === "VALID" ? 0 : given[i] + given[i + spatial.length])));
  return [tensor(call.type(0), [input[0], weight[1] * call.int("group", 1), ...sizes.slice(-spatial.length)])];
};

const pool: Infer = (call) => {
  call.expectRank(0, 3);
  const input = call.shape(0);
  const shape = [...input.slice(0, 2), ...poolWindows(call, input)];
  return [tensor(call.type(0), shape), tensor("int64", shape)].slice(0, call.node.op === "MaxPool" ? 2 : 1);
};

function poolWindows(call: Call, input: Shape): Shape {
  const found = geometry(call, input, call.ints("kernel_shape") ?? call.fail("The kernel's shape is missing."));
  const ceiling = call.int("ceil_mode", 0) === 1;
  const auto = call.text("auto_pad") ?? "NOTSET";
  if (auto !== "NOTSET") return windows(call, found);
  const before = call.ints("pads") ?? found.spatial.map(() => 0);
  const plain = windows(call, found);
  if (!ceiling) return plain;
  return found.spatial.map((size, i) => {
    const count = Math.ceil((size + found.pads[i] - (found.kernel[i] - 1) * found.dilations[i] - 1) / found.strides[i]) + 1;
    return (count - 1) * found.strides[i] >= size + before[i] ? count - 1 : count;
  });
}

const globalPool: Infer = (call) => {
  const shape = call.shape(0);
  return [tensor(call.type(0), shape.map((size, axis) => (axis < 2 ? size : 1)))];
};

const unpool: Infer = (call) => {
  const input = call.shape(0);
  if (call.has(2)) return [tensor(call.type(0), call.value(2))];
  const { spatial, kernel, strides, pads } = geometry(call, input, call.ints("kernel_shape") ?? call.fail("The kernel's shape is missing."));
  return [tensor(call.type(0), [...input.slice(0, 2), ...spatial.map((size, i) => (size - 1) * strides[i] - pads[i] + kernel[i])])];
};

/** Upsample, and Resize in all its versions: sizes, or factors that are rounded down. */
const resize: Infer = (call) => {
  const { type, shape } = call.input(0);
  const isOld = call.node.op === "Upsample" || call.version < 11;
  const nonEmpty = (index: number) => (call.has(index) && sizeOf(call.shape(index)) > 0 ? call.value(index) : undefined);
  const scales = call.floats("scales") ?? nonEmpty(isOld ? 1 : 2);
  const sizes = isOld ? undefined : nonEmpty(3);
  const axes = call.ints("axes")?.map((axis) => call.axis(axis, shape.length)) ?? shape.map((_, axis) => axis);
  const factors = sizes ?? scales ?? call.fail("Both sizes and scales are missing.");
  if (factors.length !== axes.length) call.fail(`${factors.length} numbers for ${axes.length} dimensions.`);
  if (!sizes) return [tensor(type, shape.map((size, axis) => (axes.includes(axis) ? Math.floor(size * factors[axes.indexOf(axis)]) : size)))];
  const policy = call.text("keep_aspect_ratio_policy") ?? "stretch";
  const ratios = axes.map((axis, i) => sizes[i] / shape[axis]);
  const ratio = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const halfUp = (value: number) => Math.floor(value + 0.5);
  return [tensor(type, shape.map((size, axis) => (!axes.includes(axis) ? size : policy === "stretch" ? sizes[axes.indexOf(axis)] : halfUp(ratio * size))))];
};

const regions: Infer = (call) => {
  const [height, width] = call.ints("pooled_shape") ?? [call.int("output_height", 1), call.int("output_width", 1)];
  return [tensor(call.type(0), [call.shape(1)[0], call.shape(0)[1], height, width])];
};

const columnsToImage: Infer = (call) => {
  const [n, columns] = call.shape(0);
  return [tensor(call.type(0), [n, columns / sizeOf(call.value(2)), ...call.value(1)])];
};

export const convolutions: Operators = {
  Conv: convolution(1), DeformConv: convolution(1), ConvInteger: convolution(1, () => "int32"), QLinearConv: convolution(3, (call) => call.type(7)), ConvTranspose: transposed,
  MaxPool: pool, AveragePool: pool, LpPool: pool, GlobalMaxPool: globalPool, GlobalAveragePool: globalPool, GlobalLpPool: globalPool, MaxUnpool: unpool,
  Resize: resize, Upsample: resize, RoiAlign: regions, MaxRoiPool: regions, Col2Im: columnsToImage,
  GridSample: (call) => [tensor(call.type(0), [...call.shape(0).slice(0, 2), ...call.shape(1).slice(1, -1)])],
  AffineGrid: (call) => { const [n, , ...spatial] = call.value(1); return [tensor(call.type(0), [n, ...spatial, spatial.length])]; },
};
