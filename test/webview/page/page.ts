/** A webview's bundle in a page of its own, with a host of the test's in place of VS Code. */
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import type { HostMessage, ViewMessage } from "../../../src/protocol/messages";
import { isViewMessage } from "../../../src/protocol/guards";
import { isModelViewMessage } from "../../../src/protocol/modelGuards";
import type { ModelHostMessage, ModelViewMessage } from "../../../src/protocol/modelMessages";
import { isProfileViewMessage } from "../../../src/protocol/profileGuards";
import type { ProfileHostMessage, ProfileViewMessage } from "../../../src/protocol/profileMessages";
import { themes, type PageTheme } from "./themes";

/** Every view can say this. */
type LogMessage = Extract<ViewMessage, { type: "log" }>;

/** @typeParam In What the view is told. @typeParam Out What it says. */
interface Opened<In, Out> {
  readonly page: Page;
  /** What the view said, in order. */
  readonly said: readonly Out[];
  send(message: In): Promise<void>;
  close(): Promise<void>;
}

export type ViewPage = Opened<HostMessage, ViewMessage>;
export type ModelPage = Opened<ModelHostMessage, ModelViewMessage>;
export type ProfilePage = Opened<ProfileHostMessage, ProfileViewMessage>;

interface PageOptions {
  readonly theme?: PageTheme;
  readonly width?: number;
  readonly height?: number;
  /** What the view had kept before it was reloaded. */
  readonly state?: unknown;
}

const origin = "http://view.test";
const nonce = "test";

/** Debian's Chromium, or the one that CHROMIUM_PATH names. */
function chromiumPath(): string {
  const found = [process.env.CHROMIUM_PATH, ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "chromium"))].find((path) => path && existsSync(path));
  if (!found) throw new Error("No chromium on PATH: install it, or name one in CHROMIUM_PATH.");
  return found;
}

/** Until what was asked for has been drawn: elements of the toolkit pass on what they were told, such as that they are disabled, a frame later. */
export function twoFrames({ page }: { readonly page: Page }): Promise<void> {
  return page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"] });
}

/** Opens the built timeline. */
export function openView(browser: Browser, options: PageOptions = {}): Promise<ViewPage> {
  return open(browser, "main", isViewMessage, options);
}

/** Opens the built model view. */
export function openModelView(browser: Browser, options: PageOptions = {}): Promise<ModelPage> {
  return open(browser, "model", isModelViewMessage, options);
}

/** Opens the built profile view. */
export function openProfileView(browser: Browser, options: PageOptions = {}): Promise<ProfilePage> {
  return open(browser, "profile", isProfileViewMessage, options);
}

/** Opens a bundle of `dist/webview` under the same content security policy as in the editor. */
async function open<In, Out>(browser: Browser, bundle: string, isKnown: (value: unknown) => value is Out | LogMessage, options: PageOptions): Promise<Opened<In, Out | LogMessage>> {
  const { theme = "vscode-dark", width = 1440, height = 900, state } = options;
  const page = await browser.newPage({ viewport: { width, height } });
  const said: (Out | LogMessage)[] = [];
  await page.exposeFunction("said", (message: unknown) => {
    if (!isKnown(message)) throw new Error(`The view said something unknown: ${JSON.stringify(message)}`);
    said.push(message);
  });
  await page.route(`${origin}/**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    if (name === "") return route.fulfill({ contentType: "text/html", body: html(bundle, theme, state) });
    if (name === `${bundle}.js` || name === `${bundle}.css`) return route.fulfill({ contentType: name.endsWith("js") ? "text/javascript" : "text/css", body: await readFile(join("dist/webview", name)) });
    return route.fulfill({ status: 404, body: "" });
  });
  page.on("pageerror", (error) => said.push({ type: "log", level: "error", message: error.message }));
  page.on("console", (line) => {
    if (line.type() === "error") said.push({ type: "log", level: "error", message: line.text() });
  });
  await page.goto(`${origin}/`);
  await page.waitForFunction(() => document.querySelector("#app > *") !== null);
  return { page, said, send: (message) => page.evaluate((data) => window.postMessage(data, "*"), message), close: () => page.close() };
}

function html(bundle: string, theme: PageTheme, state: unknown): string {
  const variables = Object.entries(themes[theme]).map(([name, value]) => `${name}: ${value};`).join(" ");
  return `<!DOCTYPE html>
<html lang="en"><head>
<meta charset="utf-8">
<title>${bundle}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${origin} 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<meta property="csp-nonce" content="${nonce}">
<style nonce="${nonce}">:root { ${variables} }</style>
<link rel="stylesheet" href="${origin}/${bundle}.css">
</head><body class="${theme}"><div id="app"></div>
<script nonce="${nonce}">
  let state = ${JSON.stringify(state ?? null)};
  window.acquireVsCodeApi = () => ({ postMessage: (message) => window.said(message), getState: () => state, setState: (next) => { state = next; window.viewState = next; } });
</script>
<script nonce="${nonce}" src="${origin}/${bundle}.js"></script>
</body></html>`;
}
