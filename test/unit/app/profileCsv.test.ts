import assert from "node:assert/strict";
import { profileToCsv } from "../../../src/app/profileCsv";
import { parsedCsv } from "../../tools/parsedCsv";
import { profileOf } from "../../webview/profileDocument";

describe("a profile as CSV", () => {
  it("has a line for every layer at every batch size, with its failures", () => {
    const profile = profileOf({ layers: 5, unmeasured: 1, outOfMemory: "block.3" });
    const [head, ...lines] = parsedCsv(profileToCsv(profile));
    const rows = lines.map((line) => Object.fromEntries(head.map((title, index) => [title, line[index]])));
    assert.equal(rows.length, 6 * 3 + 5 * 3 + 1);
    const at = (layer: string, batch: number) => rows.filter((row) => row.layer === layer && row.batch === String(batch));
    const [timed] = at("block.2", 4);
    assert.deepEqual([timed.forward_ms, timed.input_grad_ms, timed.weight_grad_ms, timed.total_ms, timed.forward_from, timed.gradients_from, timed.status], ["12", "6", "24", "42", "measured", "estimate", "ok"]);
    assert.deepEqual([timed.forward_flops_per_second, timed.layers_with_this_measurement, timed.device, timed.component], [String(1e12), "1", "Small Accelerator", "unet"]);
    const [failed] = at("block.3", 4);
    assert.deepEqual([failed.forward_ms, failed.total_ms, failed.status, failed.message], ["", "", "oom", "Not enough memory."]);
    assert.deepEqual(at("block.0", 1).map(({ status, forward_from }) => [status, forward_from]), [["crashed", "measured"], ["ok", "estimate"]]);
    const [frozen] = at("layers.0", 1);
    assert.deepEqual([frozen.input_grad_ms, frozen.weight_grad_ms, frozen.gradients_from, frozen.total_ms], ["", "", "", "1"]);
  });
});
