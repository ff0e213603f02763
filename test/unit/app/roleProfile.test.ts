import assert from "node:assert/strict";
import { choiceWithRole, roleProfilePath } from "../../../src/app/roleProfile";

describe("another role of a component", () => {
  it("is a part of the choice, once, and takes the opposite one away", () => {
    assert.deepEqual(choiceWithRole({}, "text_encoder", true), { train: ["text_encoder"], freeze: [] });
    assert.deepEqual(choiceWithRole({ train: ["text_encoder", "unet"], freeze: ["vae"], selfConditioning: 0.5 }, "text_encoder", false), { train: ["unet"], freeze: ["vae", "text_encoder"], selfConditioning: 0.5 });
    assert.deepEqual(choiceWithRole({ train: ["unet"] }, "unet", true), { train: ["unet"], freeze: [] });
  });

  it("has a profile of its own name, and comes back to the first", () => {
    const first = "/work/sample.profile.json";
    const other = roleProfilePath(first, "text_encoder", true);
    assert.equal(other, "/work/sample.text_encoder-trains.profile.json");
    assert.equal(roleProfilePath(other, "text_encoder", false), first);
    assert.equal(roleProfilePath(other, "unet", false), "/work/sample.text_encoder-trains.unet-frozen.profile.json");
  });
});
