/** Hand-made layers to measure: matrix products of a given width. */
import type { BoundLayer, BoundModel } from "../../../src/model/model";
import type { OnnxGraph } from "../../../src/model/onnx";

const rows = 16;

/** x [batch * 16, width] times a square matrix. */
export function productGraph(width: number, batch: number): OnnxGraph {
  return {
    name: `product ${width}`,
    inputs: [{ name: "x", type: "float32", shape: [batch * rows, width] }],
    parameters: [{ name: "w", type: "float32", shape: [width, width] }],
    constants: [],
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    outputs: [{ name: "y", type: "float32", shape: [batch * rows, width] }],
  };
}

export function productLayer(width: number, more: Partial<BoundLayer> = {}): BoundLayer {
  const flops = 2 * rows * width * width;
  return {
    name: `product.${width}`,
    kind: "product",
    modules: [],
    parameters: width * width,
    needsInputGrad: true,
    needsWeightGrad: true,
    signature: `product ${width}`,
    flopsPerSample: flops,
    inputGradFlopsPerSample: flops,
    weightGradFlopsPerSample: 2 * flops,
    trafficBytesPerSample: 8 * rows * width,
    savedBytesPerSample: { untilInputGrad: 0, untilWeightGrad: 4 * rows * width },
    cutBytesPerSample: { forward: 4 * rows * width, backward: 4 * rows * width },
    graph: (batch) => productGraph(width, batch),
    ...more,
  };
}

/** One trained component "net" and one frozen component "encoder" of one layer. */
export function modelOf(layers: readonly BoundLayer[]): BoundModel {
  const frozen = productLayer(32, { name: "encode", needsInputGrad: false, needsWeightGrad: false });
  const common = { class: "Net", parameters: 0 };
  return {
    model: { path: "/models/net", sha256: "0".repeat(64) },
    bindings: { height: 64, width: 64, sequenceLength: 16 },
    components: [
      { ...common, name: "encoder", role: "frozen", after: [], layers: [frozen] },
      { ...common, name: "net", role: "trained", after: ["encoder"], layers },
    ],
    chains: [{ id: "net", segments: [{ component: "net", from: 0, to: layers.length }] }],
    tensors: [],
  };
}
