/**
 * The extension in a real VS Code: the oldest supported and the newest, or the desktop one that VSCODE_PATH names.
 * The last line of the output is the counts as JSON. Options: oldest, newest, trusted, untrusted to run only those.
 */
import { runTests } from "@vscode/test-electron";
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { python, root } from "../tools/environment.mjs";
import { install, versions } from "../tools/vscode/versions.mjs";

const secondsPerRun = 240;
const chosen = process.argv.slice(2);
const wanted = (name, all) => !all.some((other) => chosen.includes(other)) || chosen.includes(name);
const editors = process.env.VSCODE_PATH ? ["desktop"] : Object.keys(versions).filter((label, _, all) => wanted(label, all));
const suites = ["trusted", "untrusted"].filter((name, _, all) => wanted(name, all));

/** A workspace of its own: the sample's model, cluster, target and the first of its images. */
function makeWorkspace(folder) {
  const sample = join(root, "media/sample");
  const workspace = join(folder, "workspace");
  for (const name of ["model", "local.cluster.json", "local.target.json"]) cpSync(join(sample, name), join(workspace, name), { recursive: true, filter: (path) => !path.endsWith(".safetensors") });
  cpSync(join(root, "test/fixtures/extension"), workspace, { recursive: true });
  return workspace;
}

async function runSuite(editor, suite) {
  const scratch = mkdtempSync(join(tmpdir(), "diffusionpipe-extension-"));
  const result = join(scratch, "result.json");
  const environment = {
    DIFFUSIONPIPE_EXTENSION_RESULT: result,
    DIFFUSIONPIPE_PYTHON: python(),
    DIFFUSIONPIPE_VSCODE: editor,
    DIFFUSIONPIPE_VSCODE_SECONDS: String(secondsPerRun),
  };
  const executable = process.env.VSCODE_PATH || join(root, "test/tools/vscode/browser.mjs");
  const tests = join(root, "out/test/extension", suite === "trusted" ? "suite" : "untrusted", "index.js");
  try {
    const workspace = makeWorkspace(scratch);
    const ended = suite === "trusted"
      ? runTests({ vscodeExecutablePath: executable, extensionDevelopmentPath: root, extensionTestsPath: tests, launchArgs: [workspace], extensionTestsEnv: environment })
      : startUntrusted(executable, [workspace, `--extensionDevelopmentPath=${root}`, `--extensionTestsPath=${tests}`], scratch, environment);
    const problem = await ended.then(() => undefined, (error) => error.message);
    if (!existsSync(result)) return { passed: 0, failed: 1, skipped: 0, text: `  FAIL  no result: ${problem}` };
    const counts = JSON.parse(readFileSync(result, "utf8"));
    return problem && counts.failed === 0 ? { ...counts, failed: 1, text: `${counts.text}\n  FAIL  ${problem}` } : counts;
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** `runTests` always switches workspace trust off, so this run starts the executable itself. */
function startUntrusted(executable, args, scratch, environment) {
  const desktop = process.env.VSCODE_PATH ? ["--no-sandbox", "--skip-welcome", `--user-data-dir=${join(scratch, "user")}`, `--extensions-dir=${join(scratch, "extensions")}`] : [];
  return new Promise((done, fail) => {
    const child = spawn(executable, [...args, ...desktop], { stdio: "inherit", env: { ...process.env, ...environment } });
    child.on("error", fail);
    child.on("close", (code) => (code === 0 ? done() : fail(new Error(`The tests ended with ${code}.`))));
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };
for (const editor of editors) {
  if (editor !== "desktop") await install(editor);
  for (const suite of suites) {
    const { text, ...counts } = await runSuite(editor, suite);
    console.log(`VS Code ${versions[editor]?.vscode ?? process.env.VSCODE_PATH}, ${suite} workspace: ${counts.passed} passed, ${counts.failed} failed\n${text}`);
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
}
console.log(JSON.stringify(total));
process.exitCode = total.failed > 0 ? 1 : 0;
