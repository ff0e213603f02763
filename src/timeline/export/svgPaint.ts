/** How kinds of slices look on paper: grey levels and patterns that stay apart without colour. */
import { kindStyles, type Pattern, type SliceKind } from "../layout/kinds";
import { round } from "./svgText";

interface Paint {
  readonly fill: string;
  /** Text on it. */
  readonly ink: string;
}

/** After Okabe and Ito, apart for the colour-blind; as grey, light, dark, light, middle, middle and white. */
export const paints: Readonly<Record<SliceKind, Paint>> = {
  forward: { fill: "#a6d0ea", ink: "#000" },
  backward: { fill: "#25628f", ink: "#fff" },
  fill: { fill: "#f3b562", ink: "#000" },
  communication: { fill: "#b9b9b9", ink: "#000" },
  optimizer: { fill: "#c894b8", ink: "#000" },
  idle: { fill: "#fff", ink: "#444" },
};

const tiles: Readonly<Record<Exclude<Pattern, "plain">, { readonly size: number; readonly mark: string }>> = {
  diagonal: { size: 5, mark: '<path d="M-1 1L1 -1M0 5L5 0M4 6L6 4" stroke="#000" stroke-opacity="0.5" stroke-width="0.9"/>' },
  dots: { size: 3.2, mark: '<circle cx="1" cy="1" r="0.7" fill="#000" fill-opacity="0.6"/>' },
  cross: { size: 5, mark: '<path d="M-1 1L1 -1M0 5L5 0M4 6L6 4M-1 4L1 6M0 0L5 5M4 -1L6 1" stroke="#000" stroke-opacity="0.4" stroke-width="0.6"/>' },
  lines: { size: 4, mark: '<path d="M0 2H4" stroke="#000" stroke-opacity="0.5" stroke-width="0.8"/>' },
  hatch: { size: 6, mark: '<path d="M-1 5L1 7M0 0L6 6M5 -1L7 1" stroke="#000" stroke-opacity="0.22" stroke-width="0.5"/>' },
};

export function patternDefinitions(): string {
  const patterns = Object.entries(tiles).map(([name, { size, mark }]) => `<pattern id="pattern-${name}" width="${size}" height="${size}" patternUnits="userSpaceOnUse">${mark}</pattern>`);
  return `<defs>${patterns.join("")}</defs>`;
}

/** A slice's box with its pattern. */
export function paintedBox(kind: SliceKind, x: number, y: number, width: number, height: number): string {
  const box = boxAttributes(x, y, Math.max(width, 0.2), height);
  const { pattern } = kindStyles[kind];
  const edge = kind === "idle" ? 'stroke="#888" stroke-width="0.4" stroke-dasharray="2 1.5"' : 'stroke="#222" stroke-width="0.4"';
  return `<rect ${box} fill="${paints[kind].fill}" ${edge}/>${pattern === "plain" ? "" : `<rect ${box} fill="url(#pattern-${pattern})"/>`}`;
}

/** Under a label, so that it is read over a pattern; nothing where there is no pattern. */
export function ground(kind: SliceKind, x: number, y: number, width: number, height: number): string {
  return kindStyles[kind].pattern === "plain" ? "" : `<rect ${boxAttributes(x, y, width, height)} rx="1.5" fill="${paints[kind].fill}"/>`;
}

function boxAttributes(x: number, y: number, width: number, height: number): string {
  return `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
}
