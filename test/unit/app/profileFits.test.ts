import assert from "node:assert/strict";
import { differences } from "../../../src/app/profileFits";
import type { Inspection } from "../../../src/model/inspection";
import type { Profile } from "../../../src/model/profile";
import { inspectionOf } from "../../webview/modelDocument";

function profileOf({ model, components, chains, bindings }: Inspection): Profile {
  return {
    format: "diffusionpipe.profile/1", model: { path: model.path, sha256: model.sha256 }, bindings, chains,
    device: { name: "accelerator", provider: "cpu", precision: "float32", memoryBytes: 1 },
    components: components.map((component) => ({ ...component, layers: component.layers.map((layer) => ({ ...layer, paramBytes: 4 * layer.parameters, times: [] })) })),
  };
}

describe("a profile and the model as it is looked at", () => {
  it("agree on files, roles and size, or it is said what is different", () => {
    const inspection = inspectionOf();
    const profile = profileOf(inspection);
    assert.deepEqual(differences(profile, inspection), []);
    assert.deepEqual(differences(profile, inspectionOf({ trained: true })), ["other roles"]);
    assert.deepEqual(differences(profile, inspectionOf({ height: 128 })), ["another size"]);
    assert.deepEqual(differences({ ...profile, bindings: { ...profile.bindings, frames: 1 } }, inspection), [], "one frame is what no frames means");
    assert.deepEqual(differences({ ...profile, model: { path: "", sha256: "other" } }, inspection), ["another state of the model's files"]);
  });
});
