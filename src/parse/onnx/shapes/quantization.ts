/** Between floats and the small types that stand for them. */
import { elementType } from "../types";
import { tensor, type Infer, type Operators } from "./call";

const quantize: Infer = (call) => [tensor(call.has(2) ? call.type(2) : (elementType(call.int("output_dtype", 0)) ?? "uint8"), call.shape(0))];
const dequantize: Infer = (call) => [tensor(elementType(call.int("output_dtype", 0)) ?? call.type(1), call.shape(0))];
const dynamic: Infer = (call) => [tensor("uint8", call.shape(0)), tensor("float32", []), tensor("uint8", [])];

export const quantizations: Operators = { QuantizeLinear: quantize, DequantizeLinear: dequantize, DynamicQuantizeLinear: dynamic };
