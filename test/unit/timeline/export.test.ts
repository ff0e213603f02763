import assert from "node:assert/strict";
import { timelineToChromeTrace } from "../../../src/timeline/export/chromeTrace";
import { timelineToCsv } from "../../../src/timeline/export/csv";
import { timelineToSvg } from "../../../src/timeline/export/svg";
import { operation, timelineOf, twoStages } from "./builders";

describe("timeline as CSV", () => {
  it("has a line per operation with its times", () => {
    const lines = timelineToCsv(twoStages()).trimEnd().split("\r\n");
    assert.equal(lines.length, 13);
    assert.equal(lines[1], "predicted,0,gpu 0,compute,F,0,backbone,,0,0,0,3,,,0,10,10,,,,measured");
  });

  it("quotes what needs it and disarms formulas", () => {
    const text = timelineToCsv(timelineOf([operation({ op: "FILL", component: '=cmd|"x", y', startMs: 0, endMs: 1 })]));
    assert.ok(text.includes(`"'=cmd|""x"", y"`));
  });
});

describe("timeline as a Chrome trace", () => {
  const trace = timelineToChromeTrace(twoStages());
  it("has every operation once, in microseconds, on its device's process", () => {
    const slices = trace.traceEvents.filter((event) => event.ph === "X");
    assert.equal(slices.length, 12);
    const backward = slices.find((event) => event.name === "B1" && event.pid === 0);
    assert.deepEqual([backward?.ts, backward?.dur], [70_000, 20_000]);
  });
  it("draws a flow for each dependency between devices, ends paired", () => {
    const ends = (phase: string) => trace.traceEvents.filter((event) => event.ph === phase).map((event) => event.id);
    assert.deepEqual(ends("s"), ends("f"));
    assert.deepEqual(ends("s"), ["2-4", "5-8", "7-9", "9-11"]);
  });
  it("keeps slices of one thread apart in time", () => {
    const overlapping = timelineToChromeTrace(timelineOf([
      operation({ op: "SEND", stream: "communication", startMs: 0, endMs: 5 }), operation({ op: "RECV", stream: "communication", startMs: 2, endMs: 6 }),
    ]));
    assert.deepEqual(overlapping.traceEvents.filter((event) => event.ph === "X").map((event) => event.tid), [1000, 1001]);
  });
});

describe("timeline as SVG", () => {
  const svg = timelineToSvg(twoStages());
  it("is well-formed and names devices, kinds and figures", () => {
    const open: string[] = [];
    for (const [, closing, name, rest] of svg.matchAll(/<(\/?)([a-z]+)((?:"[^"]*"|[^>"])*)>/gi)) {
      if (closing) assert.equal(open.pop(), name);
      else if (!rest.endsWith("/")) open.push(name);
    }
    assert.deepEqual(open, []);
    for (const needed of ["Device 0", "Device 1", "Forward", ">Idle<", "bubble ratio 10.0 %", ">B1<"]) assert.ok(svg.includes(needed), needed);
  });
  it("draws widths in proportion to time", () => {
    const widthOf = (label: string) => Number(new RegExp(`<title>${label}: [^<]*</title><rect x="[^"]*" y="[^"]*" width="([^"]*)"`).exec(svg)?.[1]);
    assert.ok(Math.abs(widthOf("B0") / widthOf("F0") - 2) < 1e-3);
  });
  it("escapes hostile names", () => {
    const hostile = timelineToSvg(timelineOf([operation({ op: "FILL", component: '</text><script>alert("1")</script>\u0001', startMs: 0, endMs: 1 })]));
    assert.ok(!hostile.includes("<script"));
    assert.ok(!hostile.includes("\u0001"));
  });
});
