/**
 * The timeline in a headless browser at 1920 x 1080: panning, zooming and dragging a boundary at three sizes, how long a plan takes
 * to be a picture, and the same slices as plain SVG. The browser renders in software; there is no graphics card in it.
 */
import type { Browser, CDPSession, Page } from "playwright-core";
import { predictPlan } from "../../src/plan/predict";
import { contextOf } from "../../src/simulate/context";
import { placeLanes, type Placement } from "../../src/timeline/layout/geometry";
import { layoutTimeline } from "../../src/timeline/layout/lanes";
import { launchBrowser, openView } from "../webview/page/page";
import { syntheticCluster, syntheticProfile } from "./syntheticProfile";
import { installFrames, measureGesture, measureLoop, measureSvg, type Box, type Frame, type Gesture } from "./timelineFrames";
import { evenPlan } from "./timelinePlan";

interface Size {
  readonly title: string;
  readonly devices: number;
  readonly microbatches: number;
  /** Least 99th percentile of a frame's work that is promised, in ms. */
  readonly targets: Readonly<Partial<Record<Gesture, number>>>;
  readonly gestures: readonly Gesture[];
}

const view33 = { pan: 33, zoom: 33 };
const sizes: readonly Size[] = [
  { title: "1,000", devices: 4, microbatches: 17, targets: { ...view33, edit: 33 }, gestures: ["pan", "zoom", "edit"] },
  { title: "8 x 32", devices: 8, microbatches: 32, targets: { edit: 16 }, gestures: ["edit"] },
  { title: "10,000", devices: 8, microbatches: 72, targets: view33, gestures: ["pan", "zoom", "edit"] },
  { title: "100,000", devices: 16, microbatches: 300, targets: view33, gestures: ["pan", "zoom", "edit"] },
];
const frames = 300;
/** An edit of the largest plan and SVG of many slices take so long that fewer must do. */
const slowFrames = 40;
/** As long as a frame's work is to take. */
const loopMs = 10;
const viewport = { width: 1920, height: 1080 };

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

const work = ({ input, draw, paint }: Frame) => input + draw + paint;
const cell = (ms: number, width = 7) => (ms < 100 ? ms.toFixed(1) : ms.toFixed(0)).padStart(width);

/** Processor time of the page's thread since it was started, in ms: what others run at the same time counts little in it. */
async function cpuClock(page: Page): Promise<() => Promise<number>> {
  const session: CDPSession = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1e3 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN);
  };
}

function line(title: string, inView: number, gesture: Gesture, measured: readonly Frame[], cpuMs: number, target: number | undefined): string {
  const of = (part: (frame: Frame) => number, shares: readonly number[]) => shares.map((share) => cell(quantile(measured.map(part), share))).join("");
  const p99 = quantile(measured.map(work), 0.99);
  const verdict = target === undefined ? "" : `  ${p99 <= target ? "met" : "missed"} (99th ≤ ${target})`;
  return `${title.padEnd(8)}${String(inView).padStart(8)}  ${gesture.padEnd(5)}${String(measured.length).padStart(5)} |${of(work, [0, 0.5, 0.99, 1])} |${cell(cpuMs)} |${of(({ input }) => input, [0.5])}${of(({ draw }) => draw, [0.5])}${of(({ paint }) => paint, [0.5])} |${of(({ interval }) => interval, [0.5, 0.99, 1])}${verdict}`;
}

/** Slices of the lanes that fit a height, in a part of time. */
function inSight(placement: Placement, height: number, [from, to]: readonly [number, number]): number {
  return placement.lanes.filter(({ y }) => y < height).reduce((sum, { lane }) => sum + lane.rows.flat().filter(({ startMs, endMs }) => endMs > from && startMs < to).length, 0);
}

/** Plain boxes of all lanes at the size that the view shows them. */
function boxesOf(placement: Placement, startMs: number, endMs: number, width: number): readonly Box[] {
  const fills = { forward: "#3794ff", backward: "#89d185", fill: "#d18616", communication: "#b180d7", optimizer: "#cca700", idle: "#333333" };
  const x = (ms: number) => ((ms - startMs) / (endMs - startMs)) * width;
  return placement.lanes.flatMap(({ lane, y, rowHeight }) => lane.rows.flatMap((row, r) => row.map((slice): Box => [x(slice.startMs), y + r * rowHeight, Math.max(0.5, x(slice.endMs) - x(slice.startMs)), rowHeight, fills[slice.kind]])));
}

async function measureSize(browser: Browser, { title, devices, microbatches, targets, gestures }: Size): Promise<void> {
  const profile = syntheticProfile();
  const cluster = syntheticCluster(devices);
  const plan = evenPlan(profile, devices, microbatches);
  const view = await openView(browser, viewport);
  await view.send({ type: "inputs", profile, cluster });
  const first = await view.page.evaluate(async (message) => {
    const started = performance.now();
    window.postMessage(message, "*");
    while (document.querySelector(".boundary") === null) await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    await new Promise((resolve) => setTimeout(resolve));
    return performance.now() - started;
  }, { type: "plan" as const, version: 1, name: "a", plan, readOnly: false, notices: [] });
  const { width, height } = await view.page.locator(".plot").evaluate(({ clientWidth, clientHeight }) => ({ width: clientWidth, height: clientHeight }));

  const layout = layoutTimeline(predictPlan(plan, contextOf(profile, cluster)).timeline);
  const placement = placeLanes([layout], { compute: 24, communication: 16, gap: 2, deviceGap: 14 });
  const everything: readonly [number, number] = [-Infinity, Infinity];
  const count = inSight(placement, Infinity, everything);
  await installFrames(view.page);
  // A little way in, so that there is something to pan to.
  if (gestures.includes("pan")) await measureGesture(view.page, "zoom", 4);
  const { domain } = await view.page.evaluate(() => (window as unknown as { readonly viewState?: { readonly domain?: readonly [number, number] } }).viewState ?? {});
  const seen = inSight(placement, height, domain ?? everything);
  const cpuMs = await cpuClock(view.page);
  const lines: string[] = [];
  let pan = NaN;
  for (const gesture of gestures) {
    const before = await cpuMs();
    const measured = await measureGesture(view.page, gesture, gesture === "edit" && count > 50_000 ? slowFrames : frames);
    lines.push(line(title, seen, gesture, measured, ((await cpuMs()) - before) / measured.length, targets[gesture]));
    if (gesture === "pan") pan = quantile(measured.map(({ interval }) => interval), 0.5);
  }
  process.stdout.write(`${lines.join("\n")}\n${"".padEnd(8)}${count} slices in all; from the plan to its first picture ${first.toFixed(0)} ms`);
  await view.close();
  if (Number.isFinite(pan)) {
    const page = await browser.newPage({ viewport });
    const svg = quantile((await measureSvg(page, boxesOf(placement, layout.startMs, layout.endMs, width), { width, height }, count > 5000 ? slowFrames : frames)).map(({ interval }) => interval), 0.5);
    process.stdout.write(`; panned as plain SVG, a rectangle each, ${svg.toFixed(1)} ms from frame to frame, ${(svg / pan).toFixed(1)} times ours`);
    await page.close();
  }
  process.stdout.write("\n");
}

/** What the machine does to work that never changes, beside which frames are to be read. */
async function measureMachine(browser: Browser): Promise<void> {
  const page = await browser.newPage({ viewport });
  const loops = (await measureLoop(page, loopMs, frames)).map(({ input }) => input);
  const [least, median, p99, worst] = [0, 0.5, 0.99, 1].map((share) => cell(quantile(loops, share)).trim());
  process.stdout.write(`machine  a loop that is the same ${frames} times: least ${least}, median ${median}, 99th ${p99}, worst ${worst} ms\n`);
  await page.close();
}

export async function run(): Promise<void> {
  const browser = await launchBrowser();
  try {
    process.stdout.write("Per frame, ms. Work: the page's own thread, from the gesture's event to the end of the frame; CPU: its processor time,\nthe mean, which a busy machine disturbs least; input, draw, paint: parts of work (medians); interval: from frame to frame, 16.7 at best.\nRendered in software.\n");
    process.stdout.write(`${"".padEnd(8)} in view        frames | work least 50%   99%  worst |   CPU |  input   draw  paint | interval 50%  99%  worst\n`);
    for (const size of sizes) {
      await measureMachine(browser);
      await measureSize(browser, size);
    }
  } finally {
    await browser.close();
  }
}
