// What the tests and the demo need besides Node: a Python environment, an editor, a browser, an ssh server.
// Each entry can tell whether it is there and, where no administrator's rights are needed, make it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "diffusionpipe");

/** Full path of a program, also from the folders that hold servers, or undefined. */
export function which(...names) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (found) return found;
  }
  return undefined;
}

/** Runs a program and ends this one when it fails; `quiet` shows its output only then. */
export function run(program, args, options = {}) {
  const { quiet = false, ...rest } = options;
  const result = spawnSync(program, args, { cwd: root, stdio: quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"], encoding: "utf8", ...rest });
  if (result.error) throw new Error(`${program}: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`${[program, ...args].join(" ")} ended with ${result.status ?? result.signal}\n${result.stdout ?? ""}${result.stderr ?? ""}`);
  return result.stdout ?? "";
}

const digest = (...files) => createHash("sha256").update(files.map((file) => readFileSync(join(root, file))).join("\0")).digest("hex");

/** node_modules as the lock file says. The marker keeps a second call short. */
export function ensureNodeModules() {
  const marker = join(root, "node_modules", ".diffusionpipe-lock");
  const wanted = digest("package-lock.json");
  if (existsSync(marker) && readFileSync(marker, "utf8") === wanted) return;
  console.log("Installing the npm packages …");
  // The CPU build of onnxruntime is inside its package; its install step would only look for CUDA files.
  run("npm", ["ci", "--no-audit"], { env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" }, quiet: true });
  writeFileSync(marker, wanted);
}

const venv = join(cache, "venv");

/** The interpreter that the tests and the demo train with: DIFFUSIONPIPE_PYTHON, else an environment of our own. */
export function python() {
  return process.env.DIFFUSIONPIPE_PYTHON || join(venv, "bin", "python");
}

/** A name on PATH may be a version manager's shim of a Python that is not there, so each is asked. */
function makesEnvironments(program) {
  return spawnSync(program, ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"], { stdio: "ignore" }).status === 0;
}

/** Makes the Python environment from src/trainer/requirements.txt, unless DIFFUSIONPIPE_PYTHON names another one. */
export function ensurePython() {
  if (process.env.DIFFUSIONPIPE_PYTHON) return;
  const requirements = ["src/trainer/requirements.txt", "test/requirements.txt"];
  const marker = join(venv, ".diffusionpipe-requirements");
  const wanted = digest(...requirements);
  if (existsSync(marker) && readFileSync(marker, "utf8") === wanted) return;
  const base = ["python3", "python3.13", "python3.12", "python3.11"].find(makesEnvironments);
  if (!base) throw new Error("There is no Python 3.11 or newer that can make environments: apt-get install -y python3 python3-venv");
  mkdirSync(cache, { recursive: true });
  console.log(`Making a Python environment in ${venv} …`);
  if (!existsSync(join(venv, "bin", "pip"))) {
    rmSync(venv, { recursive: true, force: true });
    run(base, ["-m", "venv", venv], { quiet: true });
  }
  run(join(venv, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", ...requirements.flatMap((file) => ["-r", file])], { quiet: true });
  writeFileSync(marker, wanted);
}
