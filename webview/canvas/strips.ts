/**
 * Slices a few pixels wide, as pixels: a line of them for each row of a lane, stretched to the row's height when all are known.
 * A frame can hold tens of thousands, and one rectangle each would take longer than all else in it.
 */

/** Where a row stands, in CSS pixels. */
interface Line {
  readonly y: number;
  readonly height: number;
}

export class Strips {
  private readonly canvas = new OffscreenCanvas(1, 1);
  private readonly context = this.canvas.getContext("2d");
  private pixels = new Uint32Array(0);
  private lines: Line[] = [];
  private width = 0;

  /** Starts a frame of `width` device pixels. */
  begin(width: number): void {
    this.width = width;
    this.lines = [];
  }

  /** Starts a row; what is set next lies in it. */
  line(y: number, height: number): void {
    this.lines.push({ y, height });
    const needed = this.lines.length * this.width;
    if (this.pixels.length < needed) {
      const grown = new Uint32Array(2 * needed);
      grown.set(this.pixels);
      this.pixels = grown;
    }
    this.pixels.fill(0, needed - this.width, needed);
  }

  /** Colours device pixels `from` to `to`, exclusive, of the row that was started last. */
  set(from: number, to: number, colour: number): void {
    const { pixels, width } = this;
    const first = (this.lines.length - 1) * width;
    const end = first + Math.min(width, to);
    for (let at = first + Math.max(0, from); at < end; at++) pixels[at] = colour;
  }

  /** Paints all rows over `width` CSS pixels. */
  paint(context: CanvasRenderingContext2D, width: number): void {
    const { lines, canvas } = this;
    if (!this.context || lines.length === 0 || this.width === 0) return;
    // Its size is kept while it is large enough: to change it is to make it anew.
    if (canvas.width !== this.width || canvas.height < lines.length) {
      canvas.width = this.width;
      canvas.height = lines.length;
    }
    const bytes = new Uint8ClampedArray(this.pixels.buffer as ArrayBuffer, 0, 4 * lines.length * this.width);
    this.context.putImageData(new ImageData(bytes, this.width), 0, 0);
    context.imageSmoothingEnabled = false;
    for (const [line, { y, height }] of lines.entries()) context.drawImage(canvas, 0, line, this.width, 1, 0, y, width, height);
    context.imageSmoothingEnabled = true;
  }
}

const known = new Map<string, number>();

/** A CSS colour as `Strips` takes it, opaque. */
export function pixelOf(colour: string): number {
  const before = known.get(colour);
  if (before !== undefined) return before;
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  if (!context) return 0;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [pixel] = new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer);
  known.set(colour, pixel);
  return pixel;
}
