import assert from "node:assert/strict";
import fc from "fast-check";
import type { Look } from "../../../src/timeline/layout/colours";
import type { Boxes } from "../../../webview/canvas/boxes";
import { backAlpha } from "../../../webview/canvas/boxes";
import { PixelBoxes } from "../../../webview/canvas/pixelBoxes";
import type { Theme } from "../../../webview/canvas/theme";

const background = [30, 30, 30] as const;
const inks = [[0, 120, 250], [240, 200, 10]] as const;
const css = ([red, green, blue]: readonly [number, number, number]) => `rgb(${red} ${green} ${blue})`;
const theme = { background: css(background), palette: inks.map((ink) => ({ fill: css(ink), text: "", line: "" })) } as unknown as Theme;
const looks: readonly Look[] = inks.map((_, ink) => ({ ink, letter: "", pattern: "plain", title: "" }));

/** A canvas that remembers what was set. */
function canvasOf(width: number, height: number) {
  let data: Uint8ClampedArray | undefined;
  const context = { canvas: { width, height }, putImageData: (image: ImageData) => (data = Uint8ClampedArray.from(image.data)) };
  return { context: context as unknown as CanvasRenderingContext2D, set: () => data };
}

describe("boxes set as pixels", () => {
  const own = globalThis.ImageData;
  before(() => {
    globalThis.ImageData = class {
      readonly data: Uint8ClampedArray;
      constructor(readonly width: number, readonly height: number) {
        this.data = new Uint8ClampedArray(width * height * 4);
      }
    } as unknown as typeof ImageData;
  });
  after(() => void (globalThis.ImageData = own));

  it("are where they belong, clipped to the canvas, in their colours, at any ratio", () => {
    const at = fc.integer({ min: -4, max: 30 });
    const box = fc.record({ ink: fc.nat(inks.length - 1), isBack: fc.boolean(), x: at, y: at, width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 12 }) });
    fc.assert(fc.property(fc.array(box, { minLength: 3, maxLength: 12 }), fc.constantFrom(1, 1.5, 2), (list, ratio) => {
      const [width, height] = [Math.round(24 * ratio), Math.round(20 * ratio)];
      const boxes: Boxes = new Map(looks.map((look) => [look, { front: [], back: [] }]));
      for (const { ink, isBack, x, y, width: wide, height: high } of list) boxes.get(looks[ink])?.[isBack ? "back" : "front"].push(x, y, wide, high);
      const { context, set } = canvasOf(width, height);
      assert.ok(new PixelBoxes().paint(context, theme, boxes, ratio));
      const pixels = set();
      assert.ok(pixels);
      // What is painted last lies on top: by look, and what stands back first.
      const painted = [...list].map((one, order) => ({ ...one, rank: one.ink * 1e4 + (one.isBack ? 0 : 1e3) + order })).sort((a, b) => b.rank - a.rank);
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const top = painted.find((one) => x + 0.5 > one.x * ratio && x + 0.5 <= (one.x + one.width) * ratio && y + 0.5 > one.y * ratio && y + 0.5 <= (one.y + one.height) * ratio);
          const expected = background.map((ground, channel) => (!top ? ground : top.isBack ? Math.round(inks[top.ink][channel] * backAlpha + ground * (1 - backAlpha)) : inks[top.ink][channel]));
          assert.deepEqual([...pixels.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)], [...expected, 255], `${x}, ${y}`);
        }
      }
    }));
  });

  it("are left to the canvas where they are few", () => {
    const { context, set } = canvasOf(1000, 1000);
    assert.ok(!new PixelBoxes().paint(context, theme, new Map([[looks[0], { front: [0, 0, 10, 10], back: [] }]]), 1));
    assert.equal(set(), undefined);
  });
});
