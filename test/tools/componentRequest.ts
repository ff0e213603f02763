/** A single component as a test asks for it: its class with a configuration. */
import type { LoraChoice } from "../../src/model/choice";
import type { BoundLayer } from "../../src/model/model";
import type { Bindings } from "../../src/model/profile";
import { alone } from "../../src/parse/alone";
import type { ComponentDescription, LayerDescription } from "../../src/parse/component";
import { describedComponent } from "../../src/parse/described";
import { families } from "../../src/parse/families/registry";
import { adaptedDescription } from "../../src/parse/lora";
import { makeModel } from "../../src/parse/model";

export interface ComponentRequest {
  readonly class: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly file: string;
  /** The component's own; they stand in for its default ones. */
  readonly sizes?: Partial<Bindings>;
  readonly controlled?: boolean;
  readonly lora?: LoraChoice;
}

function described(request: ComponentRequest): ComponentDescription {
  const parse = families.get(request.class);
  if (!parse) throw new Error(`No family is registered for ${request.class}.`);
  const family = parse(request.config, request.file);
  if (!request.controlled) return family.description;
  if (family.kind !== "backbone" || !family.controlled) throw new Error(`${request.class} has no controlled form.`);
  return family.controlled;
}

export interface BoundComponent {
  readonly description: ComponentDescription;
  readonly sizes: Bindings;
  readonly parameters: number;
  readonly layers: readonly LayerDescription[];
  /** The same layers at the sizes, all trained. */
  readonly bound: readonly BoundLayer[];
}

/** @throws UserError for a configuration that is refused. */
export function boundLayers(request: ComponentRequest): BoundComponent {
  const description = request.lora ? adaptedDescription(described(request), request.lora, "lora") : described(request);
  const sizes = { ...description.defaultSizes, ...request.sizes };
  const model = makeModel(request.file, "", alone("component", describedComponent(description), true), {});
  const [component] = model.bind(sizes).components;
  return { description, sizes, parameters: component.parameters, layers: description.layers, bound: component.layers };
}
