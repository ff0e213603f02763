/** Jumps and searches between the views and the host. */
import assert from "node:assert/strict";
import { isHostMessage, isViewMessage } from "../../../src/protocol/guards";
import { isModelHostMessage, isModelViewMessage } from "../../../src/protocol/modelGuards";

const cases = [
  [isViewMessage, { type: "jump", id: 1, to: "model", component: "unet", layer: "conv_in" }],
  [isViewMessage, { type: "jump", id: 1, to: "configuration", component: "unet" }],
  [isHostMessage, { type: "search", query: "mb 3" }],
  [isModelViewMessage, { type: "showInTimeline", component: "unet", layer: "conv_in" }],
  [isModelHostMessage, { type: "reveal", component: "unet", layer: "conv_in" }],
] as const;

describe("message guards of jumps and searches", () => {
  for (const [accepts, message] of cases) {
    it(`let ${message.type} through, and nothing like it`, () => {
      assert.ok(accepts(message));
      for (const field of Object.keys(message)) assert.ok(!accepts({ ...message, [field]: Symbol("other") }), field);
    });
  }

  it("know the places a jump can go to", () => {
    assert.ok(!isViewMessage({ type: "jump", id: 1, to: "anywhere", component: "unet" }));
    assert.ok(!isViewMessage({ type: "jump", to: "model", component: "unet" }), "every jump is answered, so it has an id");
  });
});
