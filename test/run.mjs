// `npm test`: every suite against the real thing. Says first what this machine cannot run and the command that would
// enable it, and ends with "N passed, N failed, N skipped". `npm test -- unit parity` runs the named suites only.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { cache, ensureNodeModules, ensurePython, python, root, which } from "./tools/environment.mjs";

const versions = ["4.100.3", "4.139.1"];
const scratch = mkdtempSync(join(tmpdir(), "diffusionpipe-test-"));
const node = process.execPath;

const chromium = () => (which("chromium", "chromium-browser", "google-chrome") ? undefined : ["a Chromium", "apt-get install -y chromium"]);
const editor = () => versions.every((version) => existsSync(join(cache, "vscode", version))) ? undefined : ["VS Code's server", "node test/tools/vscode/install.mjs"];
const sshd = () => (which("sshd") && which("ssh") ? undefined : ["an ssh server and client", "apt-get install -y openssh-server openssh-client"]);
const interpreter = () => (existsSync(python()) ? undefined : ["the Python environment", "apt-get install -y python3-venv && node test/tools/setup.mjs python"]);

const windowTests = (...names) => names.map((name) => `out/test/webview/${name}.test.js`);
/** Tests of views in the real VS Code; the other ones have the pages alone. */
const windows = windowTests("editor", "judgingEditor", "living", "modelEditor", "profileEditor", "sitting");

/**
 * `needs`: what may be missing. `command`: argv. `counts`: where its counts are read from. `beside`: the suite that it runs
 * beside, since both leave cores idle, or, where it `yields`, since that one does.
 */
const suites = {
  lint: { needs: [], command: [node, "node_modules/eslint/bin/eslint.js", ".", "--max-warnings", "0"], counts: "exit" },
  typecheck: { needs: [], beside: "lint", command: [node, "node_modules/typescript/bin/tsc", "-p", "."], counts: "exit" },
  unit: { needs: [], command: mocha("out/test/unit", 60_000, "--parallel", "--jobs", "2"), counts: "mocha" },
  trainer: { needs: [interpreter], command: pytest("test/trainer"), counts: "pytest" },
  cluster: { needs: [interpreter, sshd], beside: "trainer", command: mocha("out/test/cluster", 180_000), counts: "mocha" },
  extension: { needs: [chromium, editor], command: [node, "test/extension/run.mjs"], counts: "last line" },
  webview: { needs: [chromium, editor], command: mocha("out/test/webview", 180_000, "--parallel", "--jobs", "2", ...windows.flatMap((file) => ["--ignore", file])), counts: "mocha" },
  // The real VS Code waits for what it shows: one window at a time, or it waits in vain.
  window: { needs: [chromium, editor], command: mocha(windows, 180_000), counts: "mocha" },
  "window-oldest": { needs: [chromium, editor], command: mocha(windowTests("editor", "judgingEditor", "living"), 180_000), counts: "mocha", environment: { DIFFUSIONPIPE_VSCODE: "oldest" } },
  parity: { needs: [interpreter], beside: "window", yields: true, command: pytest("test/parity", "-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"), counts: "pytest", environment: { OMP_NUM_THREADS: "1" } },
  end: { needs: [interpreter], command: mocha("out/test/end", 600_000), counts: "mocha" },
};

function mocha(folder, timeout, ...options) {
  return [node, "node_modules/mocha/bin/mocha.js", "--recursive", "--timeout", String(timeout), "--reporter", "test/tools/reporter.mjs", ...options, ...[folder].flat()];
}

function pytest(folder, ...options) {
  return [python(), "-m", "pytest", "-q", ...options, "-p", "no:cacheprovider", "--junitxml", join(scratch, `${folder.replace(/\W/g, "-")}.xml`), folder];
}

/** Runs a suite; `print` is given what it says. @returns its counts */
function execute(name, suite, print) {
  return new Promise((resolve) => {
    const counts = join(scratch, `${name}.json`);
    let tail = "";
    const child = spawn(suite.command[0], suite.command.slice(1), {
      cwd: root,
      env: { ...process.env, DIFFUSIONPIPE_COUNTS: counts, DIFFUSIONPIPE_PYTHON: python(), HF_HUB_OFFLINE: "1", PYTHONDONTWRITEBYTECODE: "1", ...suite.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (suite.yields && child.pid !== undefined) setPriority(child.pid, 19);
    child.stderr.on("data", print);
    child.stdout.on("data", (data) => {
      print(data);
      tail = (tail + data).slice(-4000);
    });
    child.on("close", (status) => resolve({ ...tally(suite, status, counts, tail), tail }));
  });
}

/** A suite that ends badly without a failed test of its own counts as one failure. */
function tally(suite, status, counts, tail) {
  let result = { passed: 0, failed: 0, skipped: 0 };
  if (suite.counts === "exit") result = { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 };
  else if (suite.counts === "mocha" && existsSync(counts)) result = JSON.parse(readFileSync(counts, "utf8"));
  else if (suite.counts === "last line") {
    const line = tail.trim().split("\n").at(-1) ?? "";
    if (line.startsWith("{")) result = JSON.parse(line);
  } else if (suite.counts === "pytest") {
    const file = suite.command[suite.command.indexOf("--junitxml") + 1];
    if (existsSync(file)) {
      const head = readFileSync(file, "utf8");
      const number = (key) => Number(new RegExp(`<testsuite [^>]*\\b${key}="(\\d+)"`).exec(head)?.[1] ?? 0);
      const failed = number("failures") + number("errors");
      result = { passed: number("tests") - failed - number("skipped"), failed, skipped: number("skipped") };
    }
  }
  if (status !== 0 && result.failed === 0) result.failed = 1;
  if (result.passed + result.failed + result.skipped === 0) result.failed = 1;
  return result;
}

async function main() {
  ensureNodeModules();
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !(name in suites));
  if (unknown.length) throw new Error(`There is no suite "${unknown[0]}". Suites: ${Object.keys(suites).join(", ")}.`);
  const chosen = Object.entries(suites).filter(([name]) => asked.length === 0 || asked.includes(name));
  const wants = (need) => chosen.some(([, suite]) => suite.needs.includes(need));
  try {
    if (wants(interpreter)) ensurePython();
  } catch (error) {
    console.log(error.message);
  }
  if (wants(editor) && editor()) await spawnDone([node, "test/tools/vscode/install.mjs"]);
  const missing = chosen.flatMap(([name, suite]) => suite.needs.map((need) => need()).filter(Boolean).map(([what, command]) => ({ name, what, command })));
  for (const { name, what, command } of missing) console.log(`cannot run ${name}: it needs ${what}; enable it with: ${command}`);
  await spawnDone([node, "build.mjs", "--tests"]);
  const total = { passed: 0, failed: 0, skipped: 0 };
  const table = [];
  const failures = [];
  const timed = async (name, suite, print) => {
    const started = Date.now();
    return { ...(await execute(name, suite, print)), seconds: Math.round((Date.now() - started) / 1000) };
  };
  const isMissing = (name) => missing.some((entry) => entry.name === name);
  // What runs beside another suite speaks when its turn comes.
  const early = new Map();
  const startEarly = (name, suite) => {
    const said = [];
    early.set(name, { said, result: timed(name, suite, (data) => said.push(data)) });
  };
  for (const [name, suite] of chosen) {
    if (isMissing(name)) {
      total[process.env.CI === "true" ? "failed" : "skipped"] += 1;
      table.push(`${name}: cannot run here`);
      continue;
    }
    for (const [other, companion] of chosen) if (companion.beside === name && !isMissing(other)) startEarly(other, companion);
    console.log(`\n== ${name}`);
    const result = await (early.get(name)?.result ?? timed(name, suite, (data) => process.stdout.write(data)));
    for (const data of early.get(name)?.said ?? []) process.stdout.write(data);
    for (const key of Object.keys(total)) total[key] += result[key];
    if (result.failed) failures.push(`== what ${name} said last\n${result.tail.trim()}\n`);
    table.push(`${name}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped in ${result.seconds} s`);
  }
  rmSync(scratch, { recursive: true, force: true });
  // Once more at the end: a long log is read from there.
  for (const failure of failures) console.log(`\n${failure}`);
  console.log(`\n${table.join("\n")}\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed ? 1 : 0;
}

function spawnDone([program, ...args]) {
  return new Promise((resolve, reject) => {
    spawn(program, args, { cwd: root, stdio: "inherit" }).on("close", (status) => (status === 0 ? resolve() : reject(new Error(`${args.join(" ")} ended with ${status}`))));
  });
}

await main().catch((error) => {
  console.error(error.message);
  console.log("0 passed, 1 failed, 0 skipped");
  process.exitCode = 1;
});
