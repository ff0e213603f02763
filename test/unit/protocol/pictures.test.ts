import assert from "node:assert/strict";
import { isHostMessage, isViewMessage } from "../../../src/protocol/guards";
import { isPng, mostPictureCharacters } from "../../../src/protocol/pictures";

const png = Buffer.from("89504e470d0a1a0a00", "hex");

describe("pictures in messages", () => {
  it("are base64 of bounded size, or an error in their place", () => {
    const drawn = (picture: unknown) => isViewMessage({ type: "drawn", id: 1, png: picture });
    assert.ok(drawn(png.toString("base64")));
    assert.ok(isViewMessage({ type: "drawn", id: 1, error: "too tall" }));
    for (const wrong of ["", "a", "abc", "data:image/png;base64,AAAA", "AA==AAAA", "AAAA\n", 5, new Uint8Array(4), "A".repeat(mostPictureCharacters + 4)]) assert.ok(!drawn(wrong), String(wrong).slice(0, 20));
    assert.ok(!isViewMessage({ type: "drawn", png: "AAAA" }));
  });

  it("are asked for by id, and copies are text", () => {
    assert.ok(isHostMessage({ type: "draw", id: 4 }));
    assert.ok(!isHostMessage({ type: "draw", id: -1 }));
    assert.ok(isViewMessage({ type: "copy", text: "a\tb" }));
    assert.ok(!isViewMessage({ type: "copy", text: 1 }));
  });

  it("are known by PNG's first bytes", () => {
    assert.ok(isPng(png));
    assert.ok(!isPng(png.subarray(1)) && !isPng(new Uint8Array()));
  });
});
