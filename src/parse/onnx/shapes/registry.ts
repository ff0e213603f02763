/** Every operator whose outputs can be told from its inputs, by domain and name. */
import type { FileNode } from "../types";
import type { Infer } from "./call";
import { convolutions } from "./convolution";
import { elementwise } from "./elementwise";
import { generators } from "./generators";
import { layout } from "./layout";
import { normalizations } from "./normalization";
import { products } from "./products";
import { quantizations } from "./quantization";
import { recurrents } from "./recurrent";
import { reductions } from "./reduction";

const standard: ReadonlyMap<string, Infer> = new Map(
  [convolutions, elementwise, generators, layout, normalizations, products, quantizations, recurrents, reductions].flatMap((family) => Object.entries(family)),
);

/** Undefined for an operator that is not known. */
export function inferenceOf({ domain, op }: FileNode): Infer | undefined {
  return domain === "" ? standard.get(op) : undefined;
}
