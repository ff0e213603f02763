/** A layer that no operators are known of (traced, or from an ONNX file), as the one operator that it is taken for. */
import type { BoundLayer } from "../model/model";
import type { OperatorCost, PassCost } from "../model/operatorCost";

/** Of what is known of layers before a precision is chosen. */
const bytesPerElement = 4;

/**
 * One product that reads as many elements as it writes, in each of its passes. This leaves out launches, work outside of matrix units
 * at its own rate, and what backward passes read beside gradients: it is on the short side.
 */
export function wholeLayer(layer: BoundLayer): OperatorCost {
  const elements = layer.trafficBytesPerSample / bytesPerElement;
  const pass = (flops: number, fixedElements: number): PassCost => ({ flops, elements, fixedElements });
  // A parameter that is used multiplies at least once a sample. A table that values are looked up in is not read whole.
  const read = Math.min(layer.parameters, layer.flopsPerSample / 2);
  return {
    kind: "product",
    // Nothing says how large the outputs are where nothing is known to be moved: as large as any.
    outputElements: elements > 0 ? elements / 2 : Infinity,
    forward: pass(layer.flopsPerSample, read),
    ...(layer.needsInputGrad && { inputGrad: pass(layer.inputGradFlopsPerSample, read) }),
    ...(layer.needsWeightGrad && { weightGrad: pass(layer.weightGradFlopsPerSample, layer.trainableParameters ?? layer.parameters) }),
  };
}
