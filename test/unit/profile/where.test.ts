import assert from "node:assert/strict";
import { whereMeasured } from "../../../src/profile/where";

describe("whereMeasured", () => {
  const at = (remoteName: string | undefined, environment: Record<string, string> = {}) => whereMeasured({ remoteName, hostname: "box", environment });

  it("names the machine of the extension host", () => {
    assert.equal(at(undefined, { WSL_DISTRO_NAME: "Ubuntu" }), "this computer");
    assert.equal(at("ssh-remote"), "the remote machine box (Remote-SSH)");
    assert.equal(at("wsl", { WSL_DISTRO_NAME: "Ubuntu" }), "the WSL distribution Ubuntu");
    assert.equal(at("wsl"), "the WSL distribution box");
    assert.equal(at("dev-container"), "the container box");
    assert.equal(at("attached-container"), "the container box");
    assert.equal(at("codespaces", { CODESPACE_NAME: "fuzzy-goggles" }), "the codespace fuzzy-goggles");
    assert.equal(at("tunnel"), "the remote machine box (tunnel)");
  });
});
