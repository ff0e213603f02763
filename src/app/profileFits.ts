/** Whether a profile that is there was made of the model as it is looked at now. */
import type { Inspection } from "../model/inspection";
import type { Profile } from "../model/profile";

/** @returns What is different, in words; empty where the profile is of this model, with these roles, at this size. */
export function differences(profile: Profile, inspection: Inspection): readonly string[] {
  const work = (components: Profile["components"] | Inspection["components"]) =>
    JSON.stringify(components.map(({ name, layers }) => [name, layers.map((layer) => [layer.name, layer.needsInputGrad, layer.needsWeightGrad])]));
  const size = ({ height, width, sequenceLength, frames = 1 }: Profile["bindings"]) => [height, width, sequenceLength, frames].join("x");
  return [
    ...(profile.model.sha256 === inspection.model.sha256 ? [] : ["another state of the model's files"]),
    ...(work(profile.components) === work(inspection.components) ? [] : ["other roles"]),
    ...(size(profile.bindings) === size(inspection.bindings) ? [] : ["another size"]),
  ];
}
