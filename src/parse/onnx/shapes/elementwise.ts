/** Operators on each element: arithmetic, comparisons, activation functions. Known elements are computed. */
import { elementType, isFloat, type ElementType, type TensorInfo } from "../types";
import { broadcast, broadcastIndices, isSmall, sizeOf, tensor, type Call, type Infer, type Operators, type Shape } from "./call";

const integerRanges: Partial<Record<ElementType, readonly [bits: number, signed: boolean]>> = {
  int8: [8, true], uint8: [8, false], int16: [16, true], uint16: [16, false], int32: [32, true], uint32: [32, false],
};

/** The number as its type holds it. */
export function asType(type: ElementType, value: number): number {
  if (type === "float32") return Math.fround(value);
  if (type === "bool") return value === 0 ? 0 : 1;
  if (type === "float64" || type === "float16" || type === "bfloat16") return value;
  if (Number.isNaN(value)) return 0;
  const whole = Math.trunc(value) + 0;
  const range = integerRanges[type];
  if (!range) return Math.max(-(2 ** 53 - 1), Math.min(2 ** 53 - 1, whole));
  if (!Number.isFinite(whole)) return 0;
  const [bits, signed] = range;
  const wrapped = BigInt(whole);
  return Number(signed ? BigInt.asIntN(bits, wrapped) : BigInt.asUintN(bits, wrapped));
}

const computable: ReadonlySet<ElementType> = new Set<ElementType>(["float32", "float64", "int64", "int32", "bool", "int8", "uint8", "int16", "uint16", "uint32"]);

/** The elements of the result where all inputs' are known, few, and of a type that is computed exactly. */
function computed(inputs: readonly TensorInfo[], shape: Shape, type: ElementType, compute: (values: readonly number[]) => number): readonly number[] | undefined {
  if (!isSmall(shape) || !computable.has(type)) return undefined;
  const columns = inputs.map((input) => (input.value && computable.has(input.type) ? broadcastIndices(input.shape, shape).map((index) => input.value![index]) : undefined));
  if (columns.some((column) => column === undefined)) return undefined;
  return Array.from({ length: sizeOf(shape) }, (_, index) => asType(type, compute(columns.map((column) => column![index]))));
}

/** Same type and shape as the first input. */
export function unary(compute?: (value: number, call: Call) => number): Infer {
  return (call) => {
    const input = call.input(0);
    return [tensor(input.type, input.shape, compute && computed([input], input.shape, input.type, ([value]) => compute(value, call)))];
  };
}

/** Operator set 6 and below name the axis that the second input is laid along; the result is then like the first. */
function resultShape(call: Call, inputs: readonly TensorInfo[]): Shape {
  if (call.version < 7 && call.hasAttribute("broadcast")) return call.shape(0);
  return broadcast(call, inputs.map(({ shape }) => shape));
}

function variadic(compute: (values: readonly number[], type: ElementType) => number, result?: ElementType): Infer {
  return (call) => {
    const inputs = call.node.inputs.map((_, index) => call.input(index));
    if (inputs.length === 0) call.fail("The operator has no inputs.");
    const odd = inputs.find(({ type }) => type !== inputs[0].type);
    if (odd && call.node.op !== "Pow" && call.node.op !== "BitShift") call.fail(`The inputs are of the types ${inputs[0].type} and ${odd.type}.`);
    const shape = resultShape(call, inputs);
    const type = result ?? inputs[0].type;
    const exact = !(call.version < 7 && call.hasAttribute("broadcast"));
    return [tensor(type, shape, exact ? computed(inputs, shape, type, (values) => compute(values, inputs[0].type)) : undefined)];
  };
}

function binary(compute: (left: number, right: number, type: ElementType) => number, result?: ElementType): Infer {
  return variadic(([left, right], type) => compute(left, right, type), result);
}

/** C's remainder has the sign of the dividend, Python's that of the divisor. */
const modulo: Infer = (call) => {
  const isC = call.int("fmod", 0) === 1;
  return binary((left, right) => {
    const rest = left % right;
    return isC || rest === 0 || rest < 0 === right < 0 ? rest : rest + right;
  })(call);
};

const where: Infer = (call) => {
  const inputs = [call.input(0), call.input(1), call.input(2)];
  const shape = broadcast(call, inputs.map((input) => input.shape));
  return [tensor(inputs[1].type, shape, computed(inputs, shape, inputs[1].type, ([condition, yes, no]) => (condition ? yes : no)))];
};

function castTo(call: Call, type: ElementType | undefined): readonly TensorInfo[] {
  const input = call.input(0);
  if (!type) return call.fail("The type to cast to is unknown.");
  const isExact = !(isFloat(input.type) && input.value?.some((value) => !Number.isFinite(value)) && !isFloat(type));
  return [tensor(type, input.shape, isExact ? computed([input], input.shape, type, ([value]) => value) : undefined)];
}

const clip: Infer = (call) => {
  const input = call.input(0);
  const bound = (index: number, name: string, otherwise: number) => (call.has(index) ? call.input(index).value?.[0] : (call.float(name) ?? otherwise));
  const [low, high] = [bound(1, "min", -Infinity), bound(2, "max", Infinity)];
  if (low === undefined || high === undefined) return [tensor(input.type, input.shape)];
  return [tensor(input.type, input.shape, computed([input], input.shape, input.type, ([value]) => Math.min(high, Math.max(low, value))))];
};

/** Like the first input, whatever the others are: activations with parameters, noise, sorting along an axis. */
const likeFirst: Infer = (call) => [tensor(call.type(0), call.shape(0))];
const flags: Infer = (call) => [tensor("bool", call.shape(0))];

const roundToEven = (value: number) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

const same = ["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Cosh", "Elu", "Gelu", "HardSigmoid", "HardSwish", "Hardmax", "LeakyRelu", "LogSoftmax", "Mish", "Selu", "Shrink", "Sinh",
  "Softmax", "Softplus", "Softsign", "Swish", "Tan", "ThresholdedRelu", "CumSum", "CumProd", "LpNormalization", "MeanVarianceNormalization", "LRN", "PRelu", "ReverseSequence", "BitwiseNot", "Erf"];

export const elementwise: Operators = {
  ...Object.fromEntries(same.map((op) => [op, likeFirst])),
  IsNaN: flags,
  IsInf: flags,
  Abs: unary(Math.abs), Neg: unary((value) => -value), Floor: unary(Math.floor), Ceil: unary(Math.ceil), Round: unary(roundToEven), Sqrt: unary(Math.sqrt), Exp: unary(Math.exp), Log: unary(Math.log),
  Sin: unary(Math.sin), Cos: unary(Math.cos), Tanh: unary(Math.tanh), Reciprocal: unary((value) => 1 / value), Sign: unary(Math.sign), Relu: unary((value) => Math.max(0, value)),
  Sigmoid: unary((value) => 1 / (1 + Math.exp(-value))), Not: unary((value) => (value ? 0 : 1)),
  Identity: (call) => [call.input(0)],
  Add: binary((left, right) => left + right), Sub: binary((left, right) => left - right), Mul: binary((left, right) => left * right),
  Div: binary((left, right, type) => (isFloat(type) ? left / right : Math.trunc(left / right))), Pow: binary((left, right) => left ** right), Mod: modulo, BitShift: (call) => [tensor(call.type(0), broadcast(call, [call.shape(0), call.shape(1)]))],
  And: binary((left, right) => (left && right ? 1 : 0)), Or: binary((left, right) => (left || right ? 1 : 0)), Xor: binary((left, right) => (left !== right ? 1 : 0)),
  BitwiseAnd: (call) => [tensor(call.type(0), broadcast(call, [call.shape(0), call.shape(1)]))],
  BitwiseOr: (call) => [tensor(call.type(0), broadcast(call, [call.shape(0), call.shape(1)]))],
  BitwiseXor: (call) => [tensor(call.type(0), broadcast(call, [call.shape(0), call.shape(1)]))],
  Equal: binary((left, right) => (left === right ? 1 : 0), "bool"), Greater: binary((left, right) => (left > right ? 1 : 0), "bool"), GreaterOrEqual: binary((left, right) => (left >= right ? 1 : 0), "bool"),
  Less: binary((left, right) => (left < right ? 1 : 0), "bool"), LessOrEqual: binary((left, right) => (left <= right ? 1 : 0), "bool"),
  Sum: variadic((values) => values.reduce((sum, value) => sum + value, 0)), Max: variadic((values) => Math.max(...values)), Min: variadic((values) => Math.min(...values)),
  Mean: variadic((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
  Where: where,
  Clip: clip,
  Cast: (call) => castTo(call, elementType(call.int("to", 0))),
  CastLike: (call) => castTo(call, call.type(1)),
  Trilu: likeFirst,
  Dropout: (call) => [tensor(call.type(0), call.shape(0)), tensor(call.version >= 10 ? "bool" : call.type(0), call.shape(0))],
};
