/** Reductions, and what picks along an axis. */
import { sizeOf, stridesOf, positions, isSmall, tensor, type Call, type Infer, type Operators } from "./call";
import { asType } from "./elementwise";

/** @param axesInput The version from which the axes are an input instead of an attribute. */
function reduce(axesInput: number, compute?: (values: readonly number[]) => number): Infer {
  return (call) => {
    const { type, shape, value } = call.input(0);
    const given = call.version >= axesInput ? (call.has(1) ? call.value(1) : call.ints("axes")) : call.ints("axes");
    const isNone = (given === undefined || given.length === 0) && call.int("noop_with_empty_axes", 0) === 1;
    const axes = new Set((given?.length ? given : isNone ? [] : shape.map((_, axis) => axis)).map((axis) => call.axis(axis, shape.length)));
    const kept = call.int("keepdims", 1) !== 0;
    const full = shape.map((size, axis) => (axes.has(axis) ? 1 : size));
    const result = kept ? full : shape.filter((_, axis) => !axes.has(axis));
    if (!compute || !value || !isSmall(shape)) return [tensor(type, result)];
    const groups = Array.from({ length: sizeOf(full) }, (): number[] => []);
    const strides = stridesOf(full);
    for (const [index, position] of positions(shape).entries()) groups[position.reduce((at, p, axis) => at + (axes.has(axis) ? 0 : p * strides[axis]), 0)].push(value[index]);
    return [tensor(type, result, groups.every((group) => group.length > 0) ? groups.map((group) => asType(type, compute(group))) : undefined)];
  };
}

const argument: Infer = (call) => {
  const shape = call.shape(0);
  const axis = call.axis(call.int("axis", 0), shape.length);
  const kept = call.int("keepdims", 1) !== 0;
  return [tensor("int64", kept ? shape.map((size, i) => (i === axis ? 1 : size)) : shape.filter((_, i) => i !== axis))];
};

const topK: Infer = (call) => {
  const { type, shape } = call.input(0);
  const axis = call.axis(call.int("axis", -1), shape.length);
  const k = call.integers("k", 1)?.[0] ?? call.int("k") ?? call.fail("The number to take is missing.");
  const result = shape.map((size, i) => (i === axis ? k : size));
  return [tensor(type, result), tensor("int64", result)];
};

/** Losses: one number, or one for each target. */
function loss(hasProbabilities: boolean): Infer {
  return (call: Call) => {
    const perTarget = (call.text("reduction") ?? "mean") === "none" ? call.shape(1) : [];
    return [tensor(call.type(0), perTarget), ...(hasProbabilities ? [tensor(call.type(0), call.shape(0))] : [])];
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

export const reductions: Operators = {
  ReduceSum: reduce(13, sum), ReduceProd: reduce(18, (values) => values.reduce((product, value) => product * value, 1)),
  ReduceMax: reduce(18, (values) => Math.max(...values)), ReduceMin: reduce(18, (values) => Math.min(...values)), ReduceMean: reduce(18, (values) => sum(values) / values.length),
  ReduceL1: reduce(18), ReduceL2: reduce(18), ReduceLogSum: reduce(18), ReduceLogSumExp: reduce(18), ReduceSumSquare: reduce(18),
  ArgMax: argument, ArgMin: argument,
  TopK: (call) => (call.version < 10 ? topKFirst(call) : topK(call)),
  NegativeLogLikelihoodLoss: loss(false), SoftmaxCrossEntropyLoss: loss(true),
};

function topKFirst(call: Call) {
  const { type, shape } = call.input(0);
  const axis = call.axis(call.int("axis", -1), shape.length);
  const result = shape.map((size, i) => (i === axis ? call.int("k", 1) : size));
  return [tensor(type, result), tensor("int64", result)];
}
