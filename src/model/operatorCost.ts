/** What one operator of a layer costs for one sample, before any device is known. */

/** What limits an operator's kernels: "memory" is all that does few operations per byte. */
export type OperatorKind = "convolution" | "product" | "attention" | "memory";

export interface PassCost {
  readonly flops: number;
  /** Elements of activations and their gradients read and written if the operator goes through memory. */
  readonly elements: number;
  /** Elements read or written whatever the batch: weights, and in W their gradients. */
  readonly fixedElements: number;
}

export interface OperatorCost {
  readonly kind: OperatorKind;
  /** Elements of the operator's output: what its kernels share out among a device's multiprocessors. */
  readonly outputElements: number;
  readonly forward: PassCost;
  /** Undefined where the layer's flags ask for no such work of it. */
  readonly inputGrad?: PassCost;
  readonly weightGrad?: PassCost;
}
