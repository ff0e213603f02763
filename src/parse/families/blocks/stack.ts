/** Blocks of one kind in a row, as transformers have them. */
import type { OperatorList } from "../../../model/operator";
import type { LayerDescription, ValueSource } from "../../component";

export interface Stack {
  /** Of the list of modules, e.g. "transformer_blocks". */
  readonly path: string;
  readonly kind: string;
  /** At least 1. */
  readonly count: number;
  /** Equal blocks should share one list. */
  body(index: number): OperatorList;
  /** Inputs of the first block that are, in this order, the outputs of a block: later ones take them from the block before. */
  readonly carried: Readonly<Record<string, ValueSource>>;
  /** Inputs that are the same for all blocks. */
  readonly shared: Readonly<Record<string, ValueSource>>;
}

export function stackedBlocks({ path, kind, count, body, carried, shared }: Stack): readonly LayerDescription[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${path}.${index}`;
    const before = endOfStack({ path, count: index, carried });
    return { name, kind, modules: [name], root: `${name}.`, body: body(index), sources: { ...(index === 0 ? carried : before), ...shared } };
  });
}

/** The outputs of a stack's last block, by the names that blocks carry them under. */
export function endOfStack({ path, count, carried }: Pick<Stack, "path" | "count" | "carried">): Readonly<Record<string, ValueSource>> {
  return Object.fromEntries(Object.keys(carried).map((input, output) => [input, { layer: `${path}.${count - 1}`, output }]));
}
