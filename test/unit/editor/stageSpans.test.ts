import assert from "node:assert/strict";
import { stageSpans } from "../../../src/editor/planText";
import { planOf } from "../../webview/documents";

describe("stages in a plan's text", () => {
  const plan = planOf(3, 4);
  const text = JSON.stringify(plan, null, 2);

  it("are found where they stand", () => {
    const spans = stageSpans(text);
    assert.deepEqual(spans.map(({ offset, length }) => JSON.parse(text.slice(offset, offset + length)) as unknown), plan.chains[0].stages);
    assert.deepEqual(spans.map(({ chain, stage, isOnly }) => [chain, stage, isOnly]), [["unet", 0, true], ["unet", 1, true], ["unet", 2, true]]);
    const two = stageSpans(JSON.stringify({ chains: [plan.chains[0], { ...plan.chains[0], id: "up" }] }));
    assert.deepEqual(two.map(({ chain, isOnly }) => `${chain} ${isOnly}`), ["unet", "unet", "unet", "up", "up", "up"].map((id) => `${id} false`));
  });

  it("are none in what is no plan, and some in a broken one", () => {
    for (const other of ["", "[]", "null", "{", '{"chains": 3}', '{"chains": [3]}']) assert.deepEqual(stageSpans(other), [], other);
    assert.ok(stageSpans(text.slice(0, text.indexOf('"optimizer"'))).length > 0);
  });
});
