/** What runs inside the page of the timeline bench: gestures frame by frame, and what each frame costs. */
import type { Page } from "playwright-core";

/** In ms. All but `interval` is time of the page's own thread. */
export interface Frame {
  /** The gesture's handlers: zooming, re-simulating. */
  readonly input: number;
  /** The callbacks of `requestAnimationFrame`: drawing. */
  readonly draw: number;
  /** From there to the end of the frame: style, layout, paint, and the software canvas brought up to date. */
  readonly paint: number;
  /** Since the frame before. */
  readonly interval: number;
}

export type Gesture = "pan" | "zoom" | "edit";

/** Puts `frames.measure` and `frames.gestures` into the page. */
export async function installFrames(page: Page): Promise<void> {
  await page.evaluate(() => {
    const channel = new MessageChannel();
    const frame = (step: () => void) => new Promise<Omit<Frame, "interval"> & { readonly at: number }>((resolve) => {
      let began = 0;
      // The first callback of the frame, then those that the gesture asks for, then the last.
      requestAnimationFrame(() => {
        began = performance.now();
      });
      const started = performance.now();
      step();
      const input = performance.now() - started;
      requestAnimationFrame(() => {
        const drawn = performance.now();
        // A message is handled when the frame that it was sent in is done.
        channel.port1.onmessage = () => resolve({ input, draw: drawn - began, paint: performance.now() - drawn, at: began });
        channel.port2.postMessage(0);
      });
    });
    const measure = async (count: number, step: (frame: number) => void): Promise<Frame[]> => {
      const frames: Frame[] = [];
      let before = (await frame(() => undefined)).at;
      for (let index = 0; index < count; index++) {
        const { at, ...costs } = await frame(() => step(index));
        frames.push({ ...costs, interval: at - before });
        before = at;
      }
      return frames;
    };
    const plot = () => document.querySelector(".plot") as HTMLElement;
    const wheel = (init: WheelEventInit) => {
      const { left, top, width } = plot().getBoundingClientRect();
      plot().dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, view: window, clientX: left + width / 2, clientY: top + 10, ...init }));
    };
    const gestures = {
      pan: (index: number) => wheel({ shiftKey: true, deltaY: Math.floor(index / 30) % 2 ? -11 : 11 }),
      zoom: (index: number) => wheel({ ctrlKey: true, deltaY: Math.floor(index / 30) % 2 ? 6 : -6 }),
      edit: (index: number) => {
        const handle = document.querySelectorAll(".boundary")[1] ?? document.querySelector(".boundary");
        const track = document.querySelector(".strip-track");
        if (!handle || !track) return;
        const stages = document.querySelectorAll(".boundary").length + 1;
        const { left, width, top } = track.getBoundingClientRect();
        // To and fro by more than a layer, so that every frame has a plan of its own to simulate.
        const clientX = left + (width / stages) * (2 + [-0.7, 0.4, -0.35, 0.7][index % 4]);
        const init = { bubbles: true, cancelable: true, view: window, clientX, clientY: top + 50 };
        if (!handle.classList.contains("held")) handle.dispatchEvent(new MouseEvent("mousedown", init));
        window.dispatchEvent(new MouseEvent("mousemove", init));
      },
    };
    Object.assign(window, { timelineFrames: { measure, gestures } });
  });
}

interface Installed {
  readonly timelineFrames: {
    measure(count: number, step: (frame: number) => void): Promise<Frame[]>;
    readonly gestures: Readonly<Record<Gesture, (frame: number) => void>>;
  };
}

export function measureGesture(page: Page, gesture: Gesture, count: number): Promise<Frame[]> {
  return page.evaluate(({ name, frames }) => {
    const { measure, gestures } = (window as unknown as Installed).timelineFrames;
    return measure(frames, gestures[name]);
  }, { name: gesture, frames: count });
}

/** A slice as [x, y, width, height] in pixels, and the class of its fill. */
export type Box = readonly [number, number, number, number, string];

/** The same slices as one SVG rectangle each, in a page of their own, panned by moving their group. */
export async function measureSvg(page: Page, boxes: readonly Box[], size: { readonly width: number; readonly height: number }, count: number): Promise<Frame[]> {
  await installFrames(page);
  return page.evaluate(({ rects, width, height, frames }) => {
    const make = (tag: string, attributes: Readonly<Record<string, string | number>>) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
      return node;
    };
    const svg = make("svg", { width, height });
    const group = make("g", {});
    for (const [x, y, w, h, fill] of rects) group.append(make("rect", { x, y, width: w, height: h, fill }));
    svg.append(group);
    document.body.replaceChildren(svg);
    return (window as unknown as Installed).timelineFrames.measure(frames, (index) => group.setAttribute("transform", `translate(${-11 * (index % 30)} 0)`));
  }, { rects: boxes, ...size, frames: count });
}

/** A loop that is the same in every frame: how far its times lie apart is the machine's doing. `ms` is how long it takes about. */
export async function measureLoop(page: Page, ms: number, count: number): Promise<Frame[]> {
  await installFrames(page);
  return page.evaluate(({ aboutMs, frames }) => {
    const loop = (rounds: number) => {
      let sum = 0;
      for (let i = 0; i < rounds; i++) sum += Math.sqrt(i);
      return sum;
    };
    const timed = (rounds: number) => {
      const started = performance.now();
      loop(rounds);
      return performance.now() - started;
    };
    let rounds = 10_000;
    while (timed(rounds) < aboutMs) rounds *= 1.3;
    return (window as unknown as Installed).timelineFrames.measure(frames, () => void loop(rounds));
  }, { aboutMs: ms, frames: count });
}
