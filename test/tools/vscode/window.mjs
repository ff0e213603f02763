/**
 * A window of VS Code in a headless Chromium: starts the installed server on a free port, with folders of its own for data,
 * and opens a workspace in it with the extension loaded from a folder.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { which } from "../environment.mjs";
import { install } from "./versions.mjs";

const themes = { dark: "Default Dark Modern", light: "Default Light Modern", "high-contrast": "Default High Contrast", "high-contrast-light": "Default High Contrast Light" };

const chromiumFlags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/**
 * @param options see window.d.mts
 * @returns the page, the window's data folder, the exit code of the test module (only with `testsPath`), `setTheme`, and `close`, which ends every process and removes every folder.
 */
export async function openWindow(options) {
  const place = await install(options.version, options.log ?? (() => {}));
  const chromiumPath = process.env.CHROMIUM_PATH || which("chromium", "chromium-browser", "google-chrome");
  if (!chromiumPath) throw new Error("No chromium on PATH: install Debian's package `chromium`, or name one in CHROMIUM_PATH.");
  const data = await mkdtemp(join(tmpdir(), "diffusionpipe-vscode-"));
  let server;
  let browser;
  const close = async () => {
    process.off("exit", killServer);
    await browser?.close().catch(() => {});
    killServer();
    // The extension host is given a moment to be gone before its folder is.
    await new Promise((done) => (server && server.exitCode === null && server.signalCode === null ? server.once("exit", done) : done()));
    await rm(data, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  // The server's group holds the extension host and whatever that started.
  function killServer() {
    try {
      if (server?.pid) process.kill(-server.pid, "SIGKILL");
    } catch {
      // Already gone.
    }
  }
  process.on("exit", killServer);
  try {
    await writeSettings(data, options);
    if (options.installed) await installExtension(data, options.extensionPath);
    server = startServer(place, data, options);
    const origin = await originOf(server, options.log);
    browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumFlags });
    const page = await browser.newPage({ viewport: options.viewport ?? { width: 1440, height: 900 } });
    const exitCode = new Promise((done) => {
      void page.exposeFunction("codeAutomationExit", (code) => done(code));
    });
    await page.exposeFunction("codeAutomationLog", (type, args) => options.onLog?.(type, args));
    await page.goto(addressOf(origin, options));
    if (!options.testsPath) await page.locator(".monaco-workbench .part.statusbar").waitFor({ timeout: 60_000 });
    return { page, exitCode, data, setTheme: (theme) => chooseTheme(page, themes[theme].replace(/^Default (?=Dark|Light)/, "")), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function writeSettings(data, { theme, trusted, settings }) {
  const all = {
    "telemetry.telemetryLevel": "off",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": false,
    "extensions.ignoreRecommendations": true,
    "window.commandCenter": false,
    "chat.disableAIFeatures": true,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "files.simpleDialog.enable": true,
    ...(trusted === false && { "security.workspace.trust.startupPrompt": "never", "security.workspace.trust.banner": "never" }),
    ...(theme && { "workbench.colorTheme": themes[theme] }),
    ...settings,
  };
  await mkdir(join(data, "user/User"), { recursive: true });
  await writeFile(join(data, "user/User/settings.json"), `${JSON.stringify(all, null, 2)}\n`);
}

async function chooseTheme(page, name) {
  const input = page.locator(".quick-input-widget input").first();
  await page.keyboard.press("F1");
  await input.fill(">Preferences: Color Theme");
  await page.locator(".quick-input-list .monaco-list-row", { hasText: "Preferences: Color Theme" }).first().click();
  await page.locator('.quick-input-widget input[placeholder*="Color Theme"]').waitFor();
  await input.fill(name);
  await page.locator(".quick-input-list .monaco-list-row").filter({ has: page.getByText(name, { exact: true }) }).first().click();
}

/** As a user has it: a folder of the extensions folder, which the server lists when it starts. */
async function installExtension(data, extensionPath) {
  const { publisher, name, version } = JSON.parse(await readFile(join(extensionPath, "package.json"), "utf8"));
  await mkdir(join(data, "extensions"), { recursive: true });
  await symlink(resolve(extensionPath), join(data, "extensions", `${publisher}.${name}-${version}`), "dir");
}

/** Caches and states of the extension under test are this window's own too. */
function startServer(place, data, { trusted, environment, installed }) {
  const args = [
    place.server, "--host", "127.0.0.1", "--port", "0", "--without-connection-token", "--accept-server-license-terms",
    ...(trusted === false ? [] : ["--disable-workspace-trust"]),
    "--telemetry-level", "off", ...(installed ? [] : ["--enable-smoke-test-driver"]),
    "--server-data-dir", join(data, "server"), "--user-data-dir", join(data, "user"), "--extensions-dir", join(data, "extensions"),
  ];
  return spawn(place.node, args, { detached: true, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, XDG_CACHE_HOME: join(data, "cache"), XDG_STATE_HOME: join(data, "state"), ...environment } });
}

/** Waits until the server says where it listens. */
function originOf(server, log) {
  return new Promise((done, fail) => {
    let output = "";
    const timer = setTimeout(() => fail(new Error(`The server did not start within 60 s:\n${output}`)), 60_000);
    const read = (chunk) => {
      output += chunk;
      log?.(String(chunk).trimEnd());
      const found = /Web UI available at http:\/\/[^:\s]+:(\d+)/.exec(output);
      if (!found) return;
      clearTimeout(timer);
      server.stdout.off("data", read);
      server.stdout.resume();
      done(`http://127.0.0.1:${found[1]}`);
    };
    server.stdout.on("data", read);
    server.stderr.on("data", (chunk) => (output += chunk));
    server.once("error", fail);
    server.once("exit", (code) => fail(new Error(`The server ended with ${code}:\n${output}`)));
  });
}

function addressOf(origin, { workspace, extensionPath, testsPath, installed }) {
  const remote = (path) => `vscode-remote://${new URL(origin).host}${encodeURI(resolve(path))}`;
  const payload = [
    ["skipWelcome", "true"],
    ...(extensionPath && !installed ? [["extensionDevelopmentPath", remote(extensionPath)]] : []),
    ...(testsPath ? [["extensionTestsPath", remote(testsPath)]] : []),
  ];
  return `${origin}/?folder=${encodeURIComponent(resolve(workspace))}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
}
