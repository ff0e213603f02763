/** Operators that make tensors from shapes and numbers: constants, ranges, noise, windows. */
import { elementType, type ElementType, type TensorInfo } from "../types";
import { isSmall, sizeOf, tensor, type Call, type Infer, type Operators } from "./call";
import { asType } from "./elementwise";

function typeOf(call: Call, attribute: string, otherwise: ElementType): ElementType {
  const number = call.int(attribute);
  return number === undefined || number === 0 ? otherwise : (elementType(number) ?? call.fail(`The type ${number} is unknown.`));
}

const constant: Infer = (call) => {
  const whole = call.tensor("value");
  if (whole) return [whole];
  if (call.hasAttribute("value_float")) return [tensor("float32", [], [Math.fround(call.float("value_float")!)])];
  if (call.hasAttribute("value_int")) return [tensor("int64", [], [call.int("value_int", 0)])];
  if (call.hasAttribute("value_floats")) return [tensor("float32", [call.floats("value_floats")!.length], call.floats("value_floats"))];
  if (call.hasAttribute("value_ints")) return [tensor("int64", [call.ints("value_ints")!.length], call.ints("value_ints"))];
  if (call.hasAttribute("value_string")) return [tensor("string", [])];
  if (call.hasAttribute("value_strings")) return [tensor("string", [call.texts("value_strings")!.length])];
  return call.fail("The constant has no value that is supported.");
};

function filled(type: ElementType, shape: readonly number[], value: number | undefined): TensorInfo {
  return tensor(type, shape, value !== undefined && isSmall(shape) ? new Array<number>(sizeOf(shape)).fill(value) : undefined);
}

const constantOfShape: Infer = (call) => {
  const shape = call.value(0);
  if (shape.some((size) => size < 0)) call.fail(`[${shape.join(", ")}] is not a shape.`);
  const value = call.tensor("value");
  return [value ? filled(value.type, shape, value.value?.[0]) : filled("float32", shape, 0)];
};

const range: Infer = (call) => {
  const [start, limit, delta] = [call.value(0)[0], call.value(1)[0], call.value(2)[0]];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!Number.isSafeInteger(count)) call.fail(`A range from ${start} to ${limit} in steps of ${delta} has no end.`);
  const type = call.type(0);
  return [tensor(type, [count], isSmall([count]) ? Array.from({ length: count }, (_, i) => asType(type, start + i * delta)) : undefined)];
};

/** Of the shape that an attribute gives. */
const shaped: Infer = (call) => [tensor(typeOf(call, "dtype", "float32"), call.ints("shape") ?? call.fail("The shape is missing."))];
/** Of the first input's shape. */
const like: Infer = (call) => [tensor(typeOf(call, "dtype", call.type(0)), call.shape(0))];
const window: Infer = (call) => [tensor(typeOf(call, "output_datatype", "float32"), [call.value(0)[0]])];

const fourier: Infer = (call) => {
  const { type, shape } = call.input(0);
  const version20 = call.version >= 20;
  const axis = call.axis(version20 && call.has(2) ? call.value(2)[0] : version20 ? -2 : call.int("axis", 1), shape.length);
  const length = call.has(1) ? call.value(1)[0] : shape[axis];
  const oneSided = call.int("onesided", 0) === 1;
  const inverse = call.int("inverse", 0) === 1;
  const sizes = shape.map((size, i) => (i !== axis ? size : !oneSided ? length : inverse ? (call.has(1) ? length : 2 * (size - 1)) : Math.floor(length / 2) + 1));
  return [tensor(type, [...sizes.slice(0, -1), oneSided && inverse ? 1 : 2])];
};

const shortTimeFourier: Infer = (call) => {
  const [batch, signal] = call.shape(0);
  const step = call.value(1)[0];
  const length = call.has(3) ? call.value(3)[0] : call.shape(2)[0];
  const bins = call.int("onesided", 1) === 1 ? Math.floor(length / 2) + 1 : length;
  return [tensor(call.type(0), [batch, Math.floor((signal - length) / step) + 1, bins, 2])];
};

export const generators: Operators = {
  Constant: constant, ConstantOfShape: constantOfShape, Range: range,
  RandomNormal: shaped, RandomUniform: shaped, RandomNormalLike: like, RandomUniformLike: like, Bernoulli: like, EyeLike: like,
  Multinomial: (call) => [tensor(typeOf(call, "dtype", "int32"), [call.shape(0)[0], call.int("sample_size", 1)])],
  HannWindow: window, HammingWindow: window, BlackmanWindow: window,
  MelWeightMatrix: (call) => [tensor(typeOf(call, "output_datatype", "float32"), [Math.floor(call.value(1)[0] / 2) + 1, call.value(0)[0]])],
  DFT: fourier, STFT: shortTimeFourier,
};
