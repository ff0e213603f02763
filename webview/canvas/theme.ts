/** The editor's theme as colours for the canvas, read from its CSS variables and again whenever it changes. */
import type { Look } from "../../src/timeline/layout/colours";
import type { SliceKind } from "../../src/timeline/layout/kinds";

export interface Ink {
  readonly fill: string;
  /** Text on `fill`. */
  readonly text: string;
  /** Pattern lines on `fill`. */
  readonly line: string;
}

export interface Theme {
  readonly kinds: Readonly<Record<SliceKind, Ink>>;
  /** Chart colours by number, for what is told apart within a kind. */
  readonly palette: readonly Ink[];
  /** For what is not told apart. */
  readonly neutral: Ink;
  /** What is over a limit. */
  readonly error: Ink;
  readonly background: string;
  readonly foreground: string;
  readonly faint: string;
  readonly border: string;
  readonly focus: string;
  /** Set in high contrast: everything gets an outline. */
  readonly outline?: string;
  readonly font: string;
}

const variables: Readonly<Record<Exclude<SliceKind, "idle">, readonly [string, string]>> = {
  forward: ["--vscode-charts-blue", "#3794ff"],
  backward: ["--vscode-charts-green", "#89d185"],
  fill: ["--vscode-charts-orange", "#d18616"],
  communication: ["--vscode-charts-purple", "#b180d7"],
  optimizer: ["--vscode-charts-yellow", "#cca700"],
};

/** As many as `paletteSize`; neighbours differ in lightness too. */
const paletteVariables: readonly (readonly [string, string])[] = [
  ["--vscode-charts-blue", "#3794ff"], ["--vscode-charts-orange", "#d18616"], ["--vscode-charts-purple", "#b180d7"],
  ["--vscode-charts-green", "#89d185"], ["--vscode-charts-red", "#f14c4c"], ["--vscode-charts-yellow", "#cca700"],
];

/** The colour that a look is drawn in. */
export function inkOf({ kinds, palette, neutral }: Theme, ink: Look["ink"]): Ink {
  return typeof ink === "number" ? palette[ink] : ink === "neutral" ? neutral : kinds[ink];
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const read = (name: string, otherwise: string) => style.getPropertyValue(name).trim() || otherwise;
  const foreground = read("--vscode-editor-foreground", "#cccccc");
  const toRgb = colourReader();
  const background = withAlpha(toRgb(read("--vscode-editor-background", "#1e1e1e")), 1);
  // Some themes make chart colours translucent; slices are opaque, or what lies below would show through.
  const ink = (colour: string): Ink => {
    const rgb = toRgb(colour);
    const fill = withAlpha(rgb, 1);
    return isLight(rgb) ? { fill, text: "#000000", line: "rgba(0,0,0,0.30)" } : { fill, text: "#ffffff", line: "rgba(255,255,255,0.38)" };
  };
  const highContrast = document.body.classList.contains("vscode-high-contrast") || document.body.classList.contains("vscode-high-contrast-light");
  const kindInks = Object.fromEntries(Object.entries(variables).map(([kind, [name, otherwise]]) => [kind, ink(read(name, otherwise))])) as Record<Exclude<SliceKind, "idle">, Ink>;
  const faint = read("--vscode-descriptionForeground", foreground);
  return {
    palette: paletteVariables.map(([name, otherwise]) => ink(read(name, otherwise))),
    neutral: ink(mixed(toRgb(background), toRgb(foreground), 0.42)),
    error: ink(read("--vscode-errorForeground", "#f85149")),
    kinds: { ...kindInks, idle: { fill: background, text: faint, line: withAlpha(toRgb(foreground), highContrast ? 0.55 : 0.16) } },
    background, foreground, faint,
    border: read("--vscode-panel-border", withAlpha(toRgb(foreground), 0.2)),
    focus: read("--vscode-focusBorder", foreground),
    outline: highContrast ? read("--vscode-contrastBorder", foreground) : undefined,
    font: read("--vscode-font-family", "sans-serif"),
  };
}

/** Red, green and blue of an opaque colour of the theme: all that slices are painted in are "rgba(r,g,b,1)". */
export function channelsOf(colour: string): readonly number[] {
  return (colour.match(/\d+/g) ?? []).slice(0, 3).map(Number);
}

/** Calls back when the editor changes its theme, which it does by the body's class and style. */
export function onThemeChange(changed: () => void): void {
  new MutationObserver(changed).observe(document.body, { attributes: true, attributeFilter: ["class", "data-vscode-theme-id"] });
  new MutationObserver(changed).observe(document.documentElement, { attributes: true, attributeFilter: ["style"] });
}

type Rgb = readonly [number, number, number];

/** Any CSS colour as red, green, blue without its opacity, by painting one pixel of it. */
function colourReader(): (colour: string) => Rgb {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  return (colour) => {
    if (!context) return [128, 128, 128];
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue];
  };
}

/** Black text is the better one above this relative luminance (WCAG 2: where both contrasts are equal). */
function isLight(rgb: Rgb): boolean {
  const [red, green, blue] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}

/** Between two colours, by the share of the second. */
function mixed(from: Rgb, to: Rgb, share: number): string {
  return withAlpha([0, 1, 2].map((i) => Math.round(from[i] + (to[i] - from[i]) * share)) as unknown as Rgb, 1);
}

function withAlpha([red, green, blue]: Rgb, alpha: number): string {
  return `rgba(${red},${green},${blue},${alpha})`;
}
