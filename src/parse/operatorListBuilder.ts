/** Writes operator lists the way a forward function reads: every call returns the name of its value. */
import type { ActivationFunction, Operator, OperatorList, Rearrange } from "../model/operator";

type WithoutOutput<O> = O extends Operator ? Omit<O, "output"> : never;

export class OperatorListBuilder {
  private readonly operators: Operator[] = [];
  private readonly taken: Set<string>;

  constructor(private readonly inputs: readonly string[]) {
    this.taken = new Set(inputs);
  }

  /** @returns The name of the operator's value: its module, or its kind where it has none. */
  add(operator: WithoutOutput<Operator>): string {
    const base = "module" in operator ? operator.module : operator.op;
    let output = base;
    for (let count = 2; this.taken.has(output); count++) output = `${base}_${count}`;
    this.taken.add(output);
    this.operators.push({ ...operator, output });
    return output;
  }

  linear(module: string, input: string, inFeatures: number, outFeatures: number, bias = true): string {
    return this.add({ op: "linear", module, input, inFeatures, outFeatures, bias });
  }

  /** A square kernel over images that keeps their size, unless told otherwise. */
  conv2d(module: string, input: string, inChannels: number, outChannels: number, kernel: number, { stride = 1, paddingBefore = (kernel - 1) / 2, paddingAfter = (kernel - 1) / 2, bias = true } = {}): string {
    const square = (size: number) => [size, size];
    return this.add({
      op: "convolution", module, input, inChannels, outChannels, bias,
      kernel: square(kernel), stride: square(stride), paddingBefore: square(paddingBefore), paddingAfter: square(paddingAfter),
    });
  }

  activation(name: ActivationFunction, input: string): string {
    return this.add({ op: "activation", function: name, input });
  }

  sum(left: string, right: string): string {
    return this.add({ op: "add", left, right });
  }

  /** @param pattern In the notation of einops; see `Rearrange`. */
  rearrange(input: string, pattern: string, sizes?: Readonly<Record<string, number>>, like?: Rearrange["like"]): string {
    return this.add({ op: "rearrange", input, pattern, ...(sizes && { sizes }), ...(like && { like }) });
  }

  /** Equal parts along an axis, each of `size` elements. */
  chunk(input: string, count: number, size: number, axis = -1): readonly string[] {
    return Array.from({ length: count }, (_, index) => this.add({ op: "slice", input, axis, start: index * size, size }));
  }

  /** [N, C, H, W] -> [N, H*W, C]. */
  imageToTokens(input: string): string {
    return this.rearrange(input, "n c h w -> n (h w) c");
  }

  /** [N, H*W, C] -> [N, C, H, W] with the height and width of the image `like`. */
  tokensToImage(input: string, like: string): string {
    return this.rearrange(input, "n (h w) c -> n c h w", undefined, { value: like, pattern: "n other h w" });
  }

  finish(...outputs: readonly string[]): OperatorList {
    return { inputs: this.inputs, operators: this.operators, outputs };
  }
}
