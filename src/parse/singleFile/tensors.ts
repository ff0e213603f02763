/** Shapes by name, seen from a prefix: what configurations are inferred from. */
import { UserError } from "../../model/errors";
import type { SafetensorsHeader } from "./header";

export class TensorShapes {
  private constructor(readonly file: string, private readonly prefix: string, private readonly shapes: ReadonlyMap<string, readonly number[]>) {}

  static of(header: SafetensorsHeader): TensorShapes {
    return new TensorShapes(header.file, "", header.shapes);
  }

  /** The tensors whose names begin with `prefix`, under the rest of their names. */
  under(prefix: string): TensorShapes {
    const inside = new Map<string, readonly number[]>();
    for (const [name, shape] of this.shapes) if (name.startsWith(prefix)) inside.set(name.slice(prefix.length), shape);
    return new TensorShapes(this.file, this.prefix + prefix, inside);
  }

  get names(): Iterable<string> {
    return this.shapes.keys();
  }

  get isEmpty(): boolean {
    return this.shapes.size === 0;
  }

  has(name: string): boolean {
    return this.shapes.has(name);
  }

  hasUnder(prefix: string): boolean {
    for (const name of this.shapes.keys()) if (name.startsWith(prefix)) return true;
    return false;
  }

  shape(name: string): readonly number[] | undefined {
    return this.shapes.get(name);
  }

  /** @param rank Numbers of dimensions that fit. @throws UserError where the tensor is missing or of another rank. */
  need(name: string, ...rank: readonly number[]): readonly number[] {
    const shape = this.shapes.get(name);
    if (!shape) throw new UserError("The file has no tensor of this name, by which the model is recognised.", { file: this.file, field: this.prefix + name });
    if (!rank.includes(shape.length)) throw new UserError(`Expected ${rank.join(" or ")} dimensions, found the shape [${shape.join(", ")}].`, { file: this.file, field: this.prefix + name });
    return shape;
  }

  /** How many of `prefix`0., `prefix`1., … there are. @throws UserError where one in between is missing. */
  count(prefix: string): number {
    const found = new Set<number>();
    for (const name of this.shapes.keys()) {
      const index = name.startsWith(prefix) ? /^(\d{1,6})(?:\.|$)/.exec(name.slice(prefix.length)) : null;
      if (index) found.add(Number(index[1]));
    }
    for (let index = 0; index < found.size; index++) {
      if (!found.has(index)) throw new UserError(`There are ${found.size} blocks and none with the number ${index}.`, { file: this.file, field: `${this.prefix}${prefix}${index}` });
    }
    return found.size;
  }

  fail(name: string, message: string): never {
    throw new UserError(message, { file: this.file, field: this.prefix + name });
  }
}
