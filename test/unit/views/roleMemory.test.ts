import assert from "node:assert/strict";
import fc from "fast-check";
import { choiceOf, RoleMemory } from "../../../src/views/roleMemory";

function memory(initial?: unknown) {
  let value = initial;
  return { get: () => value, update: async (_key: string, next: unknown) => void (value = JSON.parse(JSON.stringify(next))) };
}

const role = fc.constantFrom("trained" as const, "frozen" as const);
const components = fc.uniqueArray(fc.record({ name: fc.string({ minLength: 1 }), role }), { selector: ({ name }) => name, maxLength: 6 });

describe("the choice of roles", () => {
  it("turns the roles of the model into those wanted, and says nothing of the others", () => {
    fc.assert(fc.property(components, fc.array(role, { minLength: 6, maxLength: 6 }), (defaults, wanted) => {
      const { train = [], freeze = [] } = choiceOf(defaults, new Map(defaults.map(({ name }, index) => [name, wanted[index]])));
      defaults.forEach(({ name, role: before }, index) => {
        assert.equal(train.includes(name), before === "frozen" && wanted[index] === "trained");
        assert.equal(freeze.includes(name), before === "trained" && wanted[index] === "frozen");
      });
    }));
  });

  it("is remembered for each model, and forgotten when it is empty", async () => {
    const roles = new RoleMemory(memory());
    assert.deepEqual(roles.of("/a"), {});
    await roles.remember("/a", { train: ["text_encoder"] });
    await roles.remember("/b", { freeze: ["unet"] });
    assert.deepEqual([roles.of("/a"), roles.of("/b")], [{ train: ["text_encoder"] }, { freeze: ["unet"] }]);
    await roles.remember("/a", {});
    assert.deepEqual([roles.of("/a"), roles.of("/b")], [{}, { freeze: ["unet"] }]);
  });

  it("tells when it changes, and only then", async () => {
    let changes = 0;
    const roles = new RoleMemory(memory(), () => changes++);
    for (const choice of [{ freeze: ["unet"] }, { freeze: ["unet"] }, {}, {}]) await roles.remember("/a", choice);
    assert.equal(changes, 2);
  });

  it("is empty where something else was kept", () => {
    for (const kept of [7, [], { "/a": 7 }, { "/a": { train: "unet" } }, { "/a": { freeze: [7] } }]) assert.deepEqual(new RoleMemory(memory(kept)).of("/a"), {});
  });
});
