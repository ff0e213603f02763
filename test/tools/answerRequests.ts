/** What the describing tools have in common: a JSON list of requests as the only argument, and a refusal as facts of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../src/model/errors";
import { nodeFiles } from "../../src/platform/nodeFiles";

export async function answerRequests<R extends { readonly out: string }>(describe: (request: R) => Promise<void>): Promise<void> {
  for (const request of JSON.parse(readFileSync(process.argv[2], "utf8")) as readonly R[]) {
    try {
      await describe(request);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      await nodeFiles.write(join(request.out, "facts.json"), JSON.stringify({ error: error.message, file: error.file, field: error.field }));
    }
  }
}
