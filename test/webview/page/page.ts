/** The webview's bundle in a page of its own, with a host of the test's in place of VS Code. */
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import type { HostMessage, ViewMessage } from "../../../src/protocol/messages";
import { isViewMessage } from "../../../src/protocol/guards";
import { themes, type PageTheme } from "./themes";

export interface ViewPage {
  readonly page: Page;
  /** What the view said, in order. */
  readonly said: readonly ViewMessage[];
  send(message: HostMessage): Promise<void>;
  close(): Promise<void>;
}

const origin = "http://view.test";
const nonce = "test";

/** Debian's Chromium, or the one that CHROMIUM_PATH names. */
function chromiumPath(): string {
  const found = [process.env.CHROMIUM_PATH, ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "chromium"))].find((path) => path && existsSync(path));
  if (!found) throw new Error("No chromium on PATH: install it, or name one in CHROMIUM_PATH.");
  return found;
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"] });
}

/** Opens the built view (`dist/webview`) under the same content security policy as in the editor. */
export async function openView(browser: Browser, options: { readonly theme?: PageTheme; readonly width?: number; readonly height?: number; readonly state?: unknown } = {}): Promise<ViewPage> {
  const { theme = "vscode-dark", width = 1440, height = 900, state } = options;
  const page = await browser.newPage({ viewport: { width, height } });
  const said: ViewMessage[] = [];
  await page.exposeFunction("said", (message: unknown) => {
    if (!isViewMessage(message)) throw new Error(`The view said something unknown: ${JSON.stringify(message)}`);
    said.push(message);
  });
  await page.route(`${origin}/**`, async (route) => {
    const name = new URL(route.request().url()).pathname.slice(1);
    if (name === "") return route.fulfill({ contentType: "text/html", body: html(theme, state) });
    if (name === "main.js" || name === "main.css") return route.fulfill({ contentType: name.endsWith("js") ? "text/javascript" : "text/css", body: await readFile(join("dist/webview", name)) });
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

function html(theme: PageTheme, state: unknown): string {
  const variables = Object.entries(themes[theme]).map(([name, value]) => `${name}: ${value};`).join(" ");
  return `<!DOCTYPE html>
<html lang="en"><head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${origin} 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<meta property="csp-nonce" content="${nonce}">
<style nonce="${nonce}">:root { ${variables} }</style>
<link rel="stylesheet" href="${origin}/main.css">
</head><body class="${theme}"><div id="app"></div>
<script nonce="${nonce}">
  let state = ${JSON.stringify(state ?? null)};
  window.acquireVsCodeApi = () => ({ postMessage: (message) => window.said(message), getState: () => state, setState: (next) => { state = next; window.viewState = next; } });
</script>
<script nonce="${nonce}" src="${origin}/main.js"></script>
</body></html>`;
}
