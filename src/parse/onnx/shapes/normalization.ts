/** Normalisations; some give their statistics as further outputs. */
import { elementType, type ElementType } from "../types";
import { tensor, type Call, type Infer, type Operators } from "./call";

const likeFirst: Infer = (call) => [tensor(call.type(0), call.shape(0))];

const layerNorm: Infer = (call) => {
  const { type, shape } = call.input(0);
  const axis = shape.length === 0 ? 0 : call.axis(call.int("axis", -1), shape.length);
  const statistics = tensor(stashType(call), shape.map((size, i) => (i < axis ? size : 1)));
  return [tensor(type, shape), statistics, statistics];
};

function stashType(call: Call): ElementType {
  return elementType(call.int("stash_type", 1)) ?? "float32";
}

const batchNorm: Infer = (call) => {
  const { type, shape } = call.input(0);
  const channels = [shape[1] ?? 1];
  return [tensor(type, shape), tensor(call.type(3), channels), tensor(call.type(4), channels), tensor(call.type(3), channels), tensor(call.type(4), channels)];
};

export const normalizations: Operators = {
  LayerNormalization: layerNorm, BatchNormalization: batchNorm, InstanceNormalization: likeFirst, GroupNormalization: likeFirst,
  RMSNormalization: likeFirst,
};
