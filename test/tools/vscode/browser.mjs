#!/usr/bin/env node
/**
 * Takes the place of VS Code's executable for @vscode/test-electron's `runTests`: understands the same arguments, runs the
 * test module in a window of the browser and ends with its exit code.
 *
 *   browser.mjs FOLDER --extensionDevelopmentPath=… --extensionTestsPath=… [--disable-workspace-trust]
 *
 * DIFFUSIONPIPE_VSCODE: oldest or newest (default). DIFFUSIONPIPE_VSCODE_SECONDS: time limit (default 300).
 * DIFFUSIONPIPE_VSCODE_LOG: print the window's console too; it is noisy without a network.
 */
import { format } from "node:util";
import { openWindow } from "./window.mjs";

const argument = (name) => process.argv.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3);
const workspace = process.argv.slice(2).find((text) => !text.startsWith("-"));
const testsPath = argument("extensionTestsPath");
if (!workspace || !testsPath) {
  console.error("usage: browser.mjs FOLDER --extensionDevelopmentPath=PATH --extensionTestsPath=PATH");
  process.exit(2);
}

let window;
const stop = async (code) => {
  await window?.close();
  process.exit(code);
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void stop(130));
const seconds = Number(process.env.DIFFUSIONPIPE_VSCODE_SECONDS || 300);
setTimeout(() => {
  console.error(`The tests did not end within ${seconds} s.`);
  void stop(124);
}, seconds * 1000).unref();

window = await openWindow({
  version: process.env.DIFFUSIONPIPE_VSCODE || "newest",
  workspace,
  extensionPath: argument("extensionDevelopmentPath"),
  testsPath,
  trusted: process.argv.includes("--disable-workspace-trust"),
  onLog: process.env.DIFFUSIONPIPE_VSCODE_LOG ? (type, args) => (type === "error" || type === "warn" ? console.error : console.log)(format(...args)) : undefined,
});
await stop(await window.exitCode);
