/** Text in a vector picture: how wide it is likely to be, cut or broken to fit, and safe as XML. */

/** Average glyph width of Helvetica and Arial over the font size, on the wide side. */
const glyph = 0.56;
/** Lines of a paragraph are this far apart, over the font size. */
const leading = 1.35;

export interface TextStyle {
  readonly size: number;
  readonly anchor?: "middle" | "end";
  readonly fill?: string;
  readonly weight?: "bold";
}

/** In units of the picture, as `size` is. */
export function textWidth(text: string, size: number): number {
  return [...text].length * size * glyph;
}

/** The text, or as much of its beginning as fits, with an ellipsis. Empty where not even that fits. */
export function fitted(text: string, size: number, room: number): string {
  if (textWidth(text, size) <= room) return text;
  const count = Math.floor(room / (size * glyph)) - 1;
  return count < 1 ? "" : `${[...text].slice(0, count).join("").trimEnd()}…`;
}

/** Parts joined by `separator` into as few lines as fit; a part that is too long for a line is cut. */
export function wrapped(parts: readonly string[], separator: string, size: number, room: number): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length === 0 ? part : `${lines[lines.length - 1]}${separator}${part}`;
    if (lines.length > 0 && textWidth(longer, size) <= room) lines[lines.length - 1] = longer;
    else lines.push(fitted(part, size, room));
  }
  return lines;
}

export function lineHeight(size: number): number {
  return size * leading;
}

export function svgText(x: number, y: number, content: string, { size, anchor, fill = "#000", weight }: TextStyle): string {
  const attributes = [
    `x="${round(x)}" y="${round(y)}" font-size="${round(size)}" fill="${fill}"`,
    anchor ? ` text-anchor="${anchor}"` : "",
    weight ? ` font-weight="${weight}"` : "",
  ].join("");
  return `<text ${attributes}>${escapeXml(content)}</text>`;
}

/** Two decimals are finer than any print. */
export function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Text of a name as XML: markup is escaped, and what XML 1.0 cannot hold at all is replaced. */
export function escapeXml(content: string): string {
  return content
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
