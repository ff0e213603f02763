/** Mocha inside the extension host. What it says goes to the file that the runner prints, since a browser's console is noisy. */
import Mocha from "mocha";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Runs every `*.test.js` of the folder; the counts go to DIFFUSIONPIPE_EXTENSION_RESULT. @throws when a test failed. */
export async function runSuite(folder: string): Promise<void> {
  const lines: string[] = [];
  const mocha = new Mocha({ ui: "bdd", timeout: 120_000 });
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".test.js")).sort()) mocha.addFile(join(folder, name));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  await new Promise<void>((done) => {
    mocha.reporter(class extends Mocha.reporters.Base {
      constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
        super(runner, options);
        runner.on("pass", (test) => (counts.passed++, lines.push(`  ok    ${test.fullTitle()} (${test.duration} ms)`)));
        runner.on("pending", (test) => (counts.skipped++, lines.push(`  skip  ${test.fullTitle()}`)));
        runner.on("fail", (test, error: Error) => (counts.failed++, lines.push(`  FAIL  ${test.fullTitle()}\n${error.stack ?? error.message}`)));
      }
    }).run(() => done());
  });
  const result = process.env.DIFFUSIONPIPE_EXTENSION_RESULT;
  if (result) writeFileSync(result, JSON.stringify({ ...counts, text: lines.join("\n") }));
  if (counts.failed > 0) throw new Error(`${counts.failed} tests failed\n${lines.join("\n")}`);
}
