import assert from "node:assert/strict";
import fc from "fast-check";
import { timelineToSvg } from "../../../src/timeline/export/svg";
import { paints } from "../../../src/timeline/export/svgPaint";
import { fitted, textWidth, wrapped } from "../../../src/timeline/export/svgText";
import { kindStyles, sliceKinds } from "../../../src/timeline/layout/kinds";
import { operation, timelineOf, twoStages } from "./builders";

interface Text {
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly content: string;
}

/** Every text of the picture with where it is likely to begin and end. */
function textsOf(svg: string): readonly Text[] {
  return [...svg.matchAll(/<text ([^>]*)>([^<]*)<\/text>/g)].map(([, attributes, escaped]) => {
    const value = (name: string) => new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1];
    const content = escaped.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
    const [x, size] = [Number(value("x")), Number(value("font-size"))];
    const wide = textWidth(content, size);
    const from = value("text-anchor") === "middle" ? x - wide / 2 : value("text-anchor") === "end" ? x - wide : x;
    return { from, to: from + wide, size, content };
  });
}

const widthOf = (svg: string) => Number(/viewBox="0 0 ([\d.]+)/.exec(svg)?.[1]);

/** A column of a paper is 3.4 inches wide, 72 points an inch. */
const pointsPerUnit = (svg: string) => (3.4 * 72) / widthOf(svg);

const timelines = fc.record({
  names: fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { minLength: 1, maxLength: 6 }),
  passes: fc.array(fc.record({ start: fc.double({ min: 0, max: 1e4, noNaN: true }), length: fc.double({ min: 1e-3, max: 500, noNaN: true }), microbatch: fc.nat({ max: 999 }), component: fc.string({ maxLength: 40 }) }), { minLength: 1, maxLength: 30 }),
}).map(({ names, passes }) => {
  const operations = passes.map(({ start, length, microbatch, component }, index) => operation({
    ...(index % 3 ? { op: index % 2 ? "F" as const : "B" as const, stage: 0, microbatch } : { op: "FILL" as const, component }),
    device: index % names.length, startMs: start, endMs: start + length,
  }));
  return timelineOf(operations, { devices: names.map((name) => ({ name, peakMemoryBytes: 0 })) });
});

describe("timeline as a picture for a paper", () => {
  it("keeps every text inside, however long names and figures are", () => {
    fc.assert(fc.property(timelines, (timeline) => {
      const svg = timelineToSvg(timeline);
      for (const { from, to, content } of textsOf(svg)) assert.ok(from >= -0.01 && to <= widthOf(svg) + 0.01, `"${content}" from ${from} to ${to}`);
    }), { numRuns: 60, seed: 7 });
  });

  it("is legible at the width of a column: six points for what frames it, four and a half for slices", () => {
    const svg = timelineToSvg(twoStages());
    const points = textsOf(svg).map(({ size, content }) => ({ content, points: size * pointsPerUnit(svg) }));
    assert.ok(points.length > 15);
    for (const { content, points: size } of points) assert.ok(size >= (/^(Device|period|Predicted|Numbers|\d+ ms$)/.test(content) ? 6 : 4.5), `${content}: ${size}`);
  });

  it("puts a label only where it fits its slice", () => {
    const svg = timelineToSvg(twoStages());
    const labelled = [...svg.matchAll(/<g><title>[^<]*<\/title><rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)".*?<\/g>/g)].filter(([mark]) => mark.includes("<text"));
    assert.ok(labelled.length >= 8);
    for (const [mark, x, width] of labelled) {
      const [text] = textsOf(mark);
      assert.ok(text.from >= Number(x) && text.to <= Number(x) + Number(width), mark);
    }
  });

  it("names all passes by their micro-batch's number where a name is too long for some, unless letters are needed to tell them apart", () => {
    const labelsOf = (op: "F" | "W", passes: number) => {
      const operations = Array.from({ length: passes }, (_, microbatch) => operation({ op, stage: 0, microbatch, startMs: microbatch * 10, endMs: microbatch * 10 + 10 }));
      return textsOf(timelineToSvg(timelineOf(operations))).map(({ content }) => content).filter((content) => /^[FW]?\d+$|^Numbers/.test(content));
    };
    assert.deepEqual(labelsOf("F", 3), ["F0", "F1", "F2"]);
    assert.deepEqual(labelsOf("F", 24), [...Array.from({ length: 24 }, (_, microbatch) => String(microbatch)), "Numbers: micro-batches"]);
    assert.deepEqual(labelsOf("W", 24).filter((label) => !/^W\d$/.test(label)), []);
  });

  it("tells kinds apart without colour: by pattern or by grey", () => {
    const grey = (colour: string) => {
      const [red, green, blue] = [1, 2, 3].map((place) => parseInt(colour.length === 4 ? colour[place].repeat(2) : colour.slice(2 * place - 1, 2 * place + 1), 16));
      return 0.299 * red + 0.587 * green + 0.114 * blue;
    };
    for (const one of sliceKinds) {
      for (const other of sliceKinds) {
        if (one !== other && kindStyles[one].pattern === kindStyles[other].pattern) assert.ok(Math.abs(grey(paints[one].fill) - grey(paints[other].fill)) > 60, `${one}, ${other}`);
      }
    }
  });

  it("has a legend of all kinds, devices, their kind once, the figures and where the period ends", () => {
    const svg = timelineToSvg({ ...twoStages(), periodMs: 80, devices: [0, 1].map((device) => ({ name: `${device}: A100`, peakMemoryBytes: 0 })) });
    const texts = textsOf(svg).map(({ content }) => content);
    for (const kind of sliceKinds) assert.ok(texts.includes(kindStyles[kind].title), kind);
    for (const needed of ["Device 0", "Device 1", "2 × A100", "period 80.0 ms"]) assert.ok(texts.includes(needed), needed);
    assert.match(texts.join(" "), /Predicted: period 80\.0 ms, bubble ratio 10\.0 %, 10\.0 samples\/s/);
    assert.match(svg, /<rect width="100%" height="100%" fill="#fff"\/>/);
  });

  it("lets no mark run through a tick's label", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 95 }), (periodMs) => {
      const svg = timelineToSvg({ ...twoStages(), periodMs });
      const at = Number(/<line x1="([\d.]+)"[^>]*stroke-dasharray/.exec(svg)?.[1]);
      for (const { from, to, content } of textsOf(svg).filter((text) => /^\d+ ms$/.test(text.content))) assert.ok(at < from || at > to, `${content} at ${from}–${to}, mark at ${at}`);
    }), { seed: 2 });
  });

  it("shows two settled iterations of a long run, says which, and marks where the first of them ends", () => {
    const run = Array.from({ length: 20 }, (_, iteration) => [
      operation({ op: "F", stage: 0, microbatch: 0, iteration, startMs: iteration * 100, endMs: iteration * 100 + 30 }),
      operation({ op: "B", stage: 0, microbatch: 0, iteration, startMs: iteration * 100 + 40, endMs: iteration * 100 + 100 }),
    ]).flat();
    const svg = timelineToSvg(timelineOf(run, { source: "measured", periodMs: 100 }));
    const texts = textsOf(svg).map(({ content }) => content);
    assert.deepEqual(texts.filter((text) => /^[FB]0$/.test(text)), ["F0", "B0", "F0", "B0"]);
    assert.match(texts.join(" "), /iterations \d+–\d+ of 20/);
    const [mark] = [.../<line x1="([\d.]+)"[^>]*stroke-dasharray/.exec(svg)?.slice(1) ?? []].map(Number);
    const second = Number([...svg.matchAll(/<title>F0: [^<]*<\/title><rect x="([\d.]+)"/g)][1][1]);
    assert.ok(Math.abs(mark - second) < 0.02, `${mark}, ${second}`);
  });

  it("draws what nobody sees apart as one", () => {
    const tiny = Array.from({ length: 20_000 }, (_, index) => operation({ op: "F", stage: 0, microbatch: index, startMs: index, endMs: index + 1 }));
    const svg = timelineToSvg(timelineOf(tiny));
    assert.ok(svg.split("<g>").length < 2000, `${svg.split("<g>").length} marks`);
    assert.match(svg, /<title>\d+ operations: /);
  });

  it("draws as idle what is idle for most of the time, when nobody sees its parts apart", () => {
    const fillsOf = (busy: number) => {
      const tiny = Array.from({ length: 20_000 }, (_, index) => operation({ op: "F", stage: 0, microbatch: index, startMs: index, endMs: index + busy }));
      return new Set([...timelineToSvg(timelineOf(tiny)).matchAll(/<title>\d+ operations: [^<]*<\/title><rect [^>]*? fill="([^"]+)"/g)].map(([, fill]) => fill));
    };
    assert.deepEqual([...fillsOf(0.2)], [paints.idle.fill]);
    assert.deepEqual([...fillsOf(0.8)], [paints.forward.fill]);
  });
});

describe("text of a picture", () => {
  it("is cut where it is too long, and only there", () => {
    fc.assert(fc.property(fc.string({ maxLength: 80 }), fc.double({ min: 0, max: 300, noNaN: true }), (text, room) => {
      const shown = fitted(text, 10, room);
      assert.ok(shown === text || textWidth(shown, 10) <= room);
      if (textWidth(text, 10) <= room) assert.equal(shown, text);
    }), { numRuns: 200, seed: 1 });
  });
  it("is broken into lines that fit", () => {
    assert.deepEqual(wrapped(["aaaa", "bbbb", "cccc"], ", ", 10, textWidth("aaaa, bbbb", 10)), ["aaaa, bbbb", "cccc"]);
  });
});
