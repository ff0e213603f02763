import assert from "node:assert/strict";
import { deviceUseAsText, sliceAsText } from "../../../src/timeline/export/figures";
import { layoutTimeline } from "../../../src/timeline/layout/lanes";
import { operation, timelineOf, twoStages } from "./builders";

const table = (text: string) => text.replace(/\r\n$/, "").split("\r\n").map((line) => line.split("\t"));
const columns = (text: string) => {
  const [titles, values] = table(text);
  assert.equal(titles.length, values.length);
  return Object.fromEntries(titles.map((title, index) => [title, values[index]]));
};

describe("figures for the clipboard", () => {
  const timeline = { ...twoStages(), periodMs: 95 };
  const layout = layoutTimeline(timeline);

  it("have all of an operation under its titles, with every digit", () => {
    const third = timelineOf([operation({ op: "F", stage: 0, microbatch: 3, startMs: 1 / 3, endMs: 2 / 3 })]);
    const found = columns(sliceAsText(layoutTimeline(third).lanes[0].rows[0][0], third, 0));
    assert.deepEqual([found.op, found.microbatch, found.start_ms, found.device_name, found.bytes], ["F", "3", String(1 / 3), "gpu 0", ""]);
  });

  it("say of idle time how long it is", () => {
    const idle = layout.lanes[0].rows[0].find(({ kind, startMs }) => kind === "idle" && startMs === 20);
    assert.ok(idle);
    const found = columns(sliceAsText(idle, timeline, 0));
    assert.deepEqual([found.op, found.start_ms, found.end_ms, found.duration_ms], ["idle", "20", "40", "20"]);
  });

  it("without a slice are those of all devices, whose shares are a whole", () => {
    const [, ...rows] = table(deviceUseAsText([layout]));
    assert.equal(rows.length, 2);
    for (const row of rows) assert.ok(Math.abs(row.slice(3, 6).reduce((sum, share) => sum + Number(share), 0) - 1) < 1e-9);
  });

  it("run no formula in a spreadsheet", () => {
    const hostile = timelineOf([operation({ op: "FILL", component: "=1+1\t", startMs: 0, endMs: 1 })]);
    assert.ok(sliceAsText(layoutTimeline(hostile).lanes[0].rows[0][0], hostile, 0).includes(`"'=1+1\t"`));
  });
});
