// Mocha's spec reporter, which also writes the counts to the file that DIFFUSIONPIPE_COUNTS names.
import { writeFileSync } from "node:fs";
import mocha from "mocha";

export default class CountingReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      if (!process.env.DIFFUSIONPIPE_COUNTS) return;
      const { passes, failures, pending } = this.stats;
      writeFileSync(process.env.DIFFUSIONPIPE_COUNTS, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
}
