/** Layers one after the other, each taking the first output of the one before: how encoders of images and videos are built. */
import type { OperatorList } from "../../../model/operator";
import type { LayerDescription } from "../../component";

export class LayerSequence {
  readonly layers: LayerDescription[] = [];

  /** @param input The component's input, which the first layer takes. */
  constructor(private readonly input: string) {}

  /** @param place Module paths and their root; those of a module of the layer's own name where left out. */
  add(name: string, kind: string, body: OperatorList, { modules = [name], root = `${name}.` }: { modules?: readonly string[]; root?: string } = {}): void {
    const before = this.layers.at(-1);
    this.layers.push({ name, kind, modules, root, body, sources: { [body.inputs[0]]: before ? { layer: before.name } : { input: this.input } } });
  }
}
