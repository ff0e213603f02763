/**
 * A large matrix product, timed between the layers. Its FLOP/s are what the device can do, so that a layer's can be judged, and its
 * time should not change: where it does, the device was throttled or had other work.
 */
import type { OnnxGraph } from "../model/onnx";
import type { Provider } from "./messages";

/** Rows and columns: large enough to fill the device, small enough to take some ms. */
export function referenceSize(provider: Provider, isSoftware: boolean): number {
  return isSoftware ? 96 : provider === "cpu" ? 768 : 4096;
}

export function referenceGraph(size: number): OnnxGraph {
  const shape = [size, size];
  return {
    name: `product of ${size}`,
    inputs: [{ name: "x", type: "float32", shape }],
    parameters: [{ name: "w", type: "float32", shape }],
    constants: [],
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    outputs: [{ name: "y", type: "float32", shape }],
  };
}

/** FLOP/s of a product of two square matrices that takes `ms`. */
export function referenceFlops(size: number, ms: number): number {
  return (2 * size ** 3) / (ms / 1e3);
}
