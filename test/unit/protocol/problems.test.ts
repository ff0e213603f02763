import assert from "node:assert/strict";
import { UserError } from "../../../src/model/errors";
import { problemOf } from "../../../src/protocol/problems";

describe("errors as the view shows them", () => {
  it("has place and hint apart from the message", () => {
    const error = new UserError("Too many.", { file: "a.json", field: "batch", hint: "Use fewer." });
    assert.deepEqual(problemOf(error), { message: "Too many.", file: "a.json", field: "batch", hint: "Use fewer." });
    assert.deepEqual(problemOf(new UserError("Too many.", { field: "batch" })), { message: "Too many.", field: "batch" });
    assert.deepEqual(problemOf(new Error("x")), { message: "x" });
  });
});
