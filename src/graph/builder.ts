/** Collects the nodes and constants of one ONNX graph; operator families write into it. */
import type { LoweringOptions, OnnxAttribute, OnnxConstant, OnnxNode, OnnxType } from "../model/onnx";

export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  private readonly constantsByKey = new Map<string, OnnxConstant>();
  private readonly names = new Map<string, string>();
  private counter = 0;

  /**
   * @param root Prefix of parameter names: the layer's module path with its final dot, or nothing.
   * @param prefix Of the names of nodes' outputs, so that two graphs of one layer can read each other's values.
   */
  constructor(
    private readonly root: string,
    private readonly prefix = "",
    readonly options: LoweringOptions = {},
  ) {}

  get constants(): readonly OnnxConstant[] {
    return [...this.constantsByKey.values()];
  }

  /** The ONNX name of a value of the operator list. */
  value(name: string): string {
    return this.names.get(name) ?? name;
  }

  /** Says under which ONNX name a value of the operator list can be found. */
  bind(value: string, onnxName: string): void {
    this.names.set(value, onnxName);
  }

  /** @param name Left out for a parameter that is its own module path. */
  parameter(module: string, name?: "weight" | "bias"): string {
    return `${this.root}${module}${name === undefined ? "" : `.${name}`}`;
  }

  /** Equal constants are stored once. */
  constant(type: OnnxType, shape: readonly number[], data: readonly number[]): string {
    const key = `${type}[${shape.join(",")}]${data.join(",")}`;
    const known = this.constantsByKey.get(key);
    if (known) return known.name;
    const name = `constant_${this.constantsByKey.size}`;
    this.constantsByKey.set(key, { name, type, shape, data });
    return name;
  }

  float(value: number): string {
    return this.constant("float32", [], [value]);
  }

  /** A list of integers, such as a shape. */
  integers(values: readonly number[]): string {
    return this.constant("int64", [values.length], values);
  }

  /** @returns The name of the node's only output. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string {
    return this.add(op, inputs, 1, attributes)[0];
  }

  /** A node of onnxruntime's own operators. @returns The name of its output. */
  contributed(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>>): string {
    return this.add(op, inputs, 1, attributes, "com.microsoft")[0];
  }

  /** A node of several outputs. @returns Their names. */
  add(op: string, inputs: readonly string[], count: number, attributes?: Readonly<Record<string, OnnxAttribute>>, domain?: OnnxNode["domain"]): readonly string[] {
    const outputs = Array.from({ length: count }, () => `${this.prefix}${op.toLowerCase()}_${this.counter++}`);
    this.nodes.push({ op, ...(domain && { domain }), inputs, outputs, ...(attributes && { attributes }) });
    return outputs;
  }

  reshape(value: string, shape: readonly number[]): string {
    return this.node("Reshape", [value, this.integers(shape)]);
  }

  /** A value of one shape in another, by no node where they are the same. */
  reshaped(value: string, from: readonly number[], to: readonly number[]): string {
    return from.join() === to.join() ? value : this.reshape(value, to);
  }

  transpose(value: string, perm: readonly number[]): string {
    return perm.every((from, to) => from === to) ? value : this.node("Transpose", [value], { perm });
  }

  multiply(left: string, right: string): string {
    return this.node("Mul", [left, right]);
  }

  /** Sums over axes, which stay with one element each unless `drop` says otherwise. */
  sum(value: string, axes: readonly number[], drop = false): string {
    return this.node("ReduceSum", [value, this.integers(axes)], { keepdims: drop ? 0 : 1 });
  }

  /** Means over axes, which stay with one element each. */
  mean(value: string, axes: readonly number[]): string {
    return this.node("ReduceMean", [value], { axes, keepdims: 1 });
  }

  /** A tensor with one value everywhere, made in the graph (the runtime folds it), so that the graph stays small. */
  filled(value: number, shape: readonly number[]): string {
    return this.node("Expand", [this.float(value), this.integers(shape)]);
  }

  /** Elements [start, end) of an axis. */
  slice(value: string, axis: number, start: number, end: number): string {
    return this.node("Slice", [value, this.integers([start]), this.integers([end]), this.integers([axis])]);
  }

  /** Zeros before and after each axis. */
  pad(value: string, before: readonly number[], after: readonly number[]): string {
    return [...before, ...after].every((count) => count === 0) ? value : this.node("Pad", [value, this.integers([...before, ...after])]);
  }

  /** Two halves of the last dimension. */
  halves(value: string, half: number): readonly [string, string] {
    const [first, second] = this.add("Split", [value, this.integers([half, half])], 2, { axis: -1 });
    return [first, second];
  }
}
