import assert from "node:assert/strict";
import { Drawings } from "../../../src/editor/drawings";
import { UserError } from "../../../src/model/errors";

const png = Buffer.from("89504e470d0a1a0aff", "hex");

describe("pictures asked of a view", () => {
  function asked() {
    const ids: number[] = [];
    return { ids, drawings: new Drawings((id) => ids.push(id)) };
  }

  it("wait until the view shows the plan, and are asked again of a new page", async () => {
    const { ids, drawings } = asked();
    const drawn = drawings.draw();
    assert.deepEqual(ids, []);
    drawings.shown();
    drawings.shown();
    assert.deepEqual(ids, [1]);
    drawings.reloaded();
    drawings.shown();
    assert.deepEqual(ids, [1, 1]);
    drawings.answered({ type: "drawn", id: 1, png: png.toString("base64") });
    assert.deepEqual(Buffer.from(await drawn), png);
    drawings.shown();
    assert.deepEqual(ids, [1, 1], "what was answered is not asked for");
  });

  it("are refused with the view's reason, with what is wrong with the plan, and when the view closes", async () => {
    const { drawings } = asked();
    drawings.shown();
    const refused = assert.rejects(drawings.draw(), { name: "UserError", message: "too tall" });
    drawings.answered({ type: "drawn", id: 1, error: "too tall" });
    const broken = assert.rejects(drawings.draw(), /Too many/);
    drawings.failed(new UserError("Too many."));
    await assert.rejects(drawings.draw(), /Too many/, "what is wrong stays wrong");
    drawings.shown();
    const closed = assert.rejects(drawings.draw(), /closed/);
    drawings.dispose();
    await Promise.all([refused, broken, closed]);
  });

  it("are PNG or nothing, and an answer to no question is let be", async () => {
    const { drawings } = asked();
    drawings.shown();
    drawings.answered({ type: "drawn", id: 9, png: png.toString("base64") });
    const other = assert.rejects(drawings.draw(), /not a PNG/);
    drawings.answered({ type: "drawn", id: 1, png: "R0lGODlh" });
    await other;
  });
});
