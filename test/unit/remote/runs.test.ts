import assert from "node:assert/strict";
import fc from "fast-check";
import { followRun, takeLines } from "../../../src/remote/runs/follow";
import { isRunId, newRunId } from "../../../src/remote/runs/id";
import { deriveState, readObservation } from "../../../src/remote/runs/state";
import { ConnectionLost } from "../../../src/remote/targets/shell";
import { planSlices, readListing } from "../../../src/remote/targets/fetch";
import type { LaunchTarget } from "../../../src/remote/targets/target";

describe("the state of a run", () => {
  it("is never better than the truth", () => {
    const seen = { gone: false, processes: 0, cancelled: false };
    assert.equal(deriveState({ ...seen, processes: 3 }), "running");
    assert.equal(deriveState({ ...seen, processes: 3, cancelled: true }), "running");
    assert.equal(deriveState({ ...seen, exitCode: 0, cancelled: true }), "completed");
    assert.equal(deriveState({ ...seen, exitCode: 1 }), "failed");
    assert.equal(deriveState({ ...seen, exitCode: 143, cancelled: true }), "cancelled");
    assert.equal(deriveState({ ...seen, cancelled: true }), "cancelled");
    assert.equal(deriveState(seen), "lost");
    assert.equal(deriveState({ ...seen, gone: true }), "gone");
  });

  it("is read from what the target prints, log bytes untouched", () => {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64");
    const head = `processes 4\nstarted 100\nstatus ${encode({ step: 3, steps: 9, loss: "?" })}\nmetrics ${encode({ step: 2, loss: 0.5 })}\nlogBytes 7\n\n`;
    const { status, log } = readObservation(Buffer.concat([Buffer.from(head), Buffer.from([0, 10, 10, 255])]));
    assert.deepEqual(status, { state: "running", processes: 4, logBytes: 7, startedAt: 100, progress: { step: 3, steps: 9, loss: 0.5 } });
    assert.deepEqual([...log], [0, 10, 10, 255]);
  });
});

describe("a run whose trainer was ended by a dead rank", () => {
  it("has failed, whatever the trainer called it", () => {
    const status = Buffer.from(JSON.stringify({ state: "cancelled", step: 3, steps: 9 })).toString("base64");
    const seen = readObservation(Buffer.from(`processes 0\nexit 1\nstatus ${status}\nlogBytes 0\n\n`)).status;
    assert.equal(seen.state, "failed");
    assert.match(seen.progress?.message ?? "", /processes died/);
    assert.equal(readObservation(Buffer.from(`processes 0\ncancelled 1\nexit 143\nstatus ${status}\nlogBytes 0\n\n`)).status.state, "cancelled");
  });
});

describe("following a log", () => {
  it("delivers every line once and in order, whatever is cut where", async () => {
    const text = fc.string({ maxLength: 200, unit: fc.constantFrom("a", "\n", "ß", "\r", " ") });
    const events = fc.array(fc.oneof(fc.constant("cut" as const), fc.constant("close" as const), fc.nat(30)), { maxLength: 20 });
    await fc.assert(fc.asyncProperty(text, events, async (log, schedule) => {
      const bytes = Buffer.from(log);
      let written = 0;
      const plan = [...schedule];
      const delivered: string[] = [];
      let offset = 0;
      let editor = new AbortController();
      const target: Pick<LaunchTarget, "observe"> = {
        async observe(_id, from) {
          const next = plan.shift();
          if (next === "cut") throw new ConnectionLost("cut");
          if (next === "close") editor.abort();
          written = next === undefined ? bytes.length : Math.min(bytes.length, written + (typeof next === "number" ? next : 0));
          return { status: { state: next === undefined ? "completed" : "running", processes: 1, logBytes: written }, log: bytes.subarray(from, written) };
        },
      };
      for (let opened = 0; ; opened++) {
        assert.ok(opened <= schedule.length + 1);
        editor = new AbortController();
        try {
          await followRun(target as LaunchTarget, "run", { fromByte: offset, pollMs: 0, signal: editor.signal, onLines: (lines, next) => { delivered.push(...lines); offset = next; } });
          break;
        } catch {
          // Closed, or the first call of a session met a cut: opened again.
        }
      }
      assert.deepEqual(delivered, log === "" ? [] : log.replace(/\n$/, "").split("\n"));
    }), { numRuns: 100 });
  });

  it("keeps an unfinished line for later, but never for ever", () => {
    assert.deepEqual(takeLines(Buffer.from("a\nb"), false), { lines: ["a"], bytes: 2 });
    assert.deepEqual(takeLines(Buffer.from("a\nb"), true), { lines: ["a", "b"], bytes: 3 });
    assert.deepEqual(takeLines(Buffer.from("b"), false), { lines: [], bytes: 0 });
  });
});

describe("names of runs", () => {
  it("are readable and safe whatever the plan is called", () => {
    assert.equal(newRunId("My Plän!", new Date("2026-01-31T14:25:00.500Z"), "3f9c1a77"), "20260131-142500-my-pla-n-3f9c1a");
    fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => assert.ok(isRunId(newRunId(name, new Date(0), "0123456789ab")))));
    for (const bad of ["../x", "20260131-142500-a/b-3f9c1a", "-rf", ""]) assert.ok(!isRunId(bad));
  });
});

describe("fetching results", () => {
  it("reads every byte of every file once, in groups of bounded size", () => {
    const files = fc.array(fc.record({ path: fc.uuid(), bytes: fc.nat(50) }), { minLength: 1, maxLength: 10 });
    fc.assert(fc.property(files, (listing) => {
      const groups = planSlices(listing, 16, 3);
      for (const group of groups) assert.ok(group.length <= 3 && group.reduce((sum, { length }) => sum + length, 0) <= 16);
      const read = groups.flat();
      assert.deepEqual([...new Set(read.map(({ path }) => path))], listing.map(({ path }) => path));
      for (const { path, bytes } of listing) {
        let at = 0;
        for (const slice of read.filter((entry) => entry.path === path)) {
          assert.equal(slice.from, at);
          at += slice.length;
        }
        assert.equal(at, bytes);
      }
    }));
  });

  it("refuses names that lead out of the folder", () => {
    assert.deepEqual(readListing("3 output/a b\x000 log\0"), [{ path: "output/a b", bytes: 3 }, { path: "log", bytes: 0 }]);
    for (const path of ["../x", "/etc/x", "output/../../x", "a\\b", "C:x", ""]) assert.throws(() => readListing(`1 ${path}\0`), /cannot be kept/);
  });
});
