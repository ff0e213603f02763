/** Tens of thousands of boxes in a frame: set as pixels, which costs a tenth of as many calls to the canvas. */
import { backAlpha, type Boxes } from "./boxes";
import { channelsOf, inkOf, type Theme } from "./theme";

/** Where there is less than this of the canvas for each box, pixels cost less than calls do (measured in software, 1.3 µs a box). */
const pixelsPerBox = 800;

export class PixelBoxes {
  private image?: ImageData;

  /**
   * Paints the ground and the boxes without their patterns, where that is the quicker way; at `ratio` device pixels to a pixel, from
   * the top left of the canvas.
   * @returns whether it did.
   */
  paint(context: CanvasRenderingContext2D, theme: Theme, boxes: Boxes, ratio: number): boolean {
    const { width, height } = context.canvas;
    if (countOf(boxes) * pixelsPerBox < width * height) return false;
    if (this.image?.width !== width || this.image.height !== height) this.image = new ImageData(width, height);
    const pixels = new Uint32Array(this.image.data.buffer);
    pixels.fill(wordOf(theme.background));
    for (const [look, { front, back }] of boxes) {
      if (look.ink === "idle") continue;
      setBoxes(pixels, width, height, ratio, back, wordOf(inkOf(theme, look.ink).fill, theme.background, backAlpha));
      setBoxes(pixels, width, height, ratio, front, wordOf(inkOf(theme, look.ink).fill));
    }
    context.putImageData(this.image, 0, 0);
    return true;
  }
}

function countOf(boxes: Boxes): number {
  let count = 0;
  for (const { front, back } of boxes.values()) count += (front.length + back.length) / 4;
  return count;
}

function setBoxes(pixels: Uint32Array, width: number, height: number, ratio: number, boxes: readonly number[], word: number): void {
  const place = (at: number, most: number) => Math.min(most, Math.max(0, Math.round(at * ratio)));
  for (let i = 0; i < boxes.length; i += 4) {
    const left = place(boxes[i], width);
    const right = place(boxes[i] + boxes[i + 2], width);
    const end = place(boxes[i + 1] + boxes[i + 3], height) * width;
    for (let row = place(boxes[i + 1], height) * width; row < end; row += width) {
      // A call takes longer than a few pixels do.
      if (right - left > 16) pixels.fill(word, row + left, row + right);
      else for (let x = row + left; x < row + right; x++) pixels[x] = word;
    }
  }
}

/** A colour over another as the four bytes of a pixel. */
function wordOf(colour: string, over = colour, share = 1): number {
  const [top, ground] = [channelsOf(colour), channelsOf(over)];
  const bytes = Uint8ClampedArray.from([...top.map((value, channel) => value * share + ground[channel] * (1 - share)), 255]);
  return new Uint32Array(bytes.buffer)[0];
}
