/** Which tensors of a file are a model's parameters: what training changes. A rule, since ONNX does not say. */
import type { FileNode, OnnxFile } from "./types";
import type { NodeGraph } from "./graph";
import { isFloat } from "./types";

/** Inputs that are settings of an operator, or statistics that no gradient changes; from this one on where the second number is left out. */
const settings: Readonly<Record<string, readonly [from: number, to?: number]>> = {
  Resize: [1], Upsample: [1], Clip: [1], Pad: [2, 2], Pow: [1], Range: [0], Dropout: [1], BatchNormalization: [3, 4], OneHot: [0], QuantizeLinear: [1], DequantizeLinear: [1], QLinearConv: [1], QLinearMatMul: [1], RoiAlign: [1],
};
/** Names that PyTorch's exporters give to folded constants and to buffers, and optimisers to former Constant nodes. */
const constantName = /(^|[/.])Constant(_\d+)?(_output_\d+)?$|^val_\d+$|_lifted_tensor_|(^|\.)(running_mean|running_var|num_batches_tracked)$/;
const modulePath = /^[A-Za-z_]\w*(\.\w+)+$/;

/**
 * Float initializers that are called like a module's parameter, or that are more than one number; not those whose name tells a
 * folded constant or a buffer, and not those that only set an operator (scales of Resize, bounds of Clip, running statistics).
 */
export function parametersOf({ file, nodes, consumers }: NodeGraph): ReadonlySet<string> {
  return new Set(
    [...file.initializers].flatMap(([name, { type, shape }]) => {
      if (!isFloat(type) || constantName.test(name)) return [];
      const isOne = shape.every((size) => size === 1);
      if (isOne && !modulePath.test(name)) return [];
      const users = consumers.get(name) ?? [];
      return users.length > 0 && users.every((index) => isSetting(nodes[index], name)) ? [] : [name];
    }),
  );
}

function isSetting({ op, inputs }: FileNode, name: string): boolean {
  const range = settings[op];
  return range !== undefined && inputs.every((input, index) => input !== name || (index >= range[0] && index <= (range[1] ?? Infinity)));
}

/** The module that a parameter belongs to: its name without the last part. The name itself where it has no parts. */
export function moduleOf(parameter: string): string {
  const at = parameter.lastIndexOf(".");
  return at > 0 ? parameter.slice(0, at) : parameter;
}

export function countElements(file: OnnxFile, names: Iterable<string>): number {
  return [...names].reduce((sum, name) => sum + (file.initializers.get(name)?.shape ?? [0]).reduce((product, size) => product * size, 1), 0);
}
