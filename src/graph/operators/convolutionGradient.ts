/**
 * The gradients of a convolution. Of its weight: a matrix product for each place of the kernel, of the output's gradient with the
 * input shifted to that place; as a convolution it would have a kernel of the size of the image, which no runtime is made for.
 */
import { elements, type Convolution, type Shape } from "../../model/operator";
import type { GraphBuilder } from "../builder";
import type { OperatorShapes } from "./family";

/**
 * Where positions outnumber output channels the flipped weight is small beside the activations, and a convolution with it is
 * quicker than a transposed convolution, which first makes all products and then adds them up; with a stride there is no choice.
 */
export function inputGradient(operator: Convolution, { inputs: [input], output }: OperatorShapes, graph: GraphBuilder, gradient: string): string {
  const { module, kernel, stride, paddingBefore, paddingAfter, groups = 1 } = operator;
  const weight = graph.parameter(module, "weight");
  const [batch, , ...spatial] = output;
  if (groups === 1 && stride.every((step) => step === 1) && batch * elements(spatial) > operator.outChannels) {
    return graph.node("Conv", [gradient, flipped(operator, graph, weight)], {
      kernel_shape: kernel,
      strides: stride,
      pads: [...kernel.map((size, axis) => size - 1 - paddingBefore[axis]), ...kernel.map((size, axis) => size - 1 - paddingAfter[axis])],
    });
  }
  /** Rows of the input that the last window does not reach. */
  const beyond = kernel.map((size, axis) => input[axis + 2] + paddingBefore[axis] + paddingAfter[axis] - size - (spatial[axis] - 1) * stride[axis]);
  return graph.node("ConvTranspose", [gradient, weight], { kernel_shape: kernel, strides: stride, pads: [...paddingBefore, ...paddingAfter], output_padding: beyond, group: groups });
}

/** Channels exchanged, and the kernel back to front. */
function flipped({ kernel }: Convolution, graph: GraphBuilder, weight: string): string {
  const axes = kernel.map((_, axis) => axis + 2);
  const list = (value: number) => graph.integers(kernel.map(() => value));
  const reversed = kernel.every((size) => size === 1) ? weight : graph.node("Slice", [weight, list(-1), list(-(2 ** 31)), graph.integers(axes), list(-1)]);
  return graph.transpose(reversed, [1, 0, ...axes]);
}

/** Every place of a kernel, last axis fastest: the order of the weight's elements. */
function placesOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>((places, size) => places.flatMap((place) => Array.from({ length: size }, (_, index) => [...place, index])), [[]]);
}

/** In the weight's shape, [out, in / groups, ...kernel]. */
export function weightGradient(operator: Convolution, { inputs: [input], output }: OperatorShapes, graph: GraphBuilder, gradient: string): string {
  const { kernel, inChannels, outChannels, groups = 1 } = operator;
  const [batch, , ...spatial] = output;
  const positions = batch * elements(spatial);
  const places = placesOf(kernel);
  const each = inChannels / groups;
  const weightShape = [outChannels, each, ...kernel];
  const shifted = shiftedInputs(operator, input, spatial, graph, places);
  /** [groups, channels, positions], channels of all samples side by side. */
  const grouped = (value: string, channels: number) => graph.reshape(value, groups === 1 ? [channels, positions] : [groups, channels / groups, positions]);
  const rows = grouped(channelsFirst(graph, gradient, output), outChannels);
  const product = (columns: string) =>
    groups === 1 ? graph.node("Gemm", [rows, columns], { transB: 1 }) : graph.node("MatMul", [rows, graph.transpose(columns, [0, 2, 1])]);

  if (places.length === 1) return graph.reshape(product(grouped(shifted[0], inChannels)), weightShape);
  if (positions <= 2 * outChannels || groups > 1) {
    // Weights outnumber positions: one product that writes the weight's gradient in its own order, from copies of a small input.
    const beside = graph.node("Concat", shifted.map((value) => graph.reshape(value, [groups, each, 1, positions])), { axis: 2 });
    return graph.reshape(product(graph.reshape(beside, groups === 1 ? [each * places.length, positions] : [groups, each * places.length, positions])), weightShape);
  }
  const beside = graph.node("Concat", shifted.map((value) => graph.reshape(product(grouped(value, inChannels)), [outChannels, inChannels, 1])), { axis: 2 });
  return graph.reshape(beside, weightShape);
}

/** [N, C, ...] -> [C, N, ...]. */
const channelsFirst = (graph: GraphBuilder, value: string, [batch, channels, ...spatial]: Shape) =>
  batch === 1 ? graph.reshape(value, [channels, 1, ...spatial]) : graph.transpose(value, [1, 0, ...spatial.map((_, axis) => axis + 2)]);

/** For each place of the kernel the element of the padded input that it meets at each position: [in, N, ...spatial] of the output. */
function shiftedInputs({ input, kernel, stride, paddingBefore, paddingAfter }: Convolution, shape: Shape, spatial: Shape, graph: GraphBuilder, places: readonly (readonly number[])[]): readonly string[] {
  const padded = graph.pad(channelsFirst(graph, graph.value(input), shape), [0, 0, ...paddingBefore], [0, 0, ...paddingAfter]);
  const whole = kernel.every((size, axis) => size === 1 && stride[axis] === 1);
  if (whole) return [padded];
  const axes = graph.integers(kernel.map((_, axis) => axis + 2));
  const steps = graph.integers(stride);
  return places.map((place) =>
    graph.node("Slice", [padded, graph.integers(place), graph.integers(place.map((start, axis) => start + (spatial[axis] - 1) * stride[axis] + 1)), axes, steps]),
  );
}
