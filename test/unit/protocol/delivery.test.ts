import assert from "node:assert/strict";
import { Outbox } from "../../../src/protocol/outbox";
import { Requests } from "../../../src/protocol/requests";

describe("posts to a view", () => {
  it("wait until it is ready, then go in order, and wait again after it closed", () => {
    const delivered: number[] = [];
    const outbox = new Outbox<number>((message) => delivered.push(message));
    outbox.post(1);
    outbox.post(2);
    assert.deepEqual(delivered, []);
    outbox.open();
    outbox.post(3);
    assert.deepEqual(delivered, [1, 2, 3]);
    outbox.close();
    outbox.post(4);
    assert.deepEqual(delivered, [1, 2, 3]);
    outbox.open();
    assert.deepEqual(delivered, [1, 2, 3, 4]);
  });
});

describe("requests", () => {
  it("are answered or rejected by id, in any order", async () => {
    const requests = new Requests();
    const ids: number[] = [];
    const first = requests.send((id) => ids.push(id));
    const second = requests.send((id) => ids.push(id));
    assert.ok(requests.settle(ids[1], "the file is read-only"));
    assert.ok(requests.settle(ids[0], undefined));
    await first;
    await assert.rejects(second, /read-only/);
    assert.equal(requests.settle(ids[0], undefined), false);
  });
});
