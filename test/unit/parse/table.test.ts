import assert from "node:assert/strict";
import { inspectDocument, inspectModel } from "../../../src/app/inspect";
import { inspectTable } from "../../../src/app/inspectTable";
import { nodeFiles } from "../../../src/platform/nodeFiles";
import { fixturePath } from "./folders";

const expected = `StableDiffusionPipeline  FOLDER
at 16x16 pixels, 12 tokens

text_encoder: CLIPTextModel, frozen, 11,280 parameters in 4 layers
  embeddings                            F--          1,488  clip_text_embeddings
  layers.0                              F--          4,872  clip_encoder_layer
  layers.1                              F--          4,872  clip_encoder_layer
  final_layer_norm                      F--             48  clip_text_pooling
`;

describe("The table of inspect", () => {
  it("lists components and layers with their work", async () => {
    const model = await inspectModel(nodeFiles, fixturePath("small"));
    const table = inspectTable(inspectDocument(model)).replace(model.path, "FOLDER");
    assert.equal(table.slice(0, expected.length), expected);
    assert.match(table, /\n {2}conv_in {31}F-W {12}592 {2}conv_2d\n {2}down_blocks\.0\.resnets\.0 {15}FIW/);
    assert.match(table, /\nchain unet: unet \[0, 17\)\n/);
  });
});
