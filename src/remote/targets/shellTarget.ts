/** A launch target over a shell: this machine and ssh hosts differ in nothing else. */
import { UserError } from "../../model/errors";
import { readObservation } from "../runs/state";
import { tar } from "../sync/tar";
import { upload } from "../sync/upload";
import { fetchResults } from "./fetch";
import { keyValues } from "./keyValues";
import { judge, readFacts, requireFit, type TargetFacts } from "./preflight";
import { cancelRun, observeRun, resumeRun } from "./scripts";
import type { Shell } from "./shell";
import type { CallOptions, LaunchDocument, LaunchTarget, RunPlace } from "./target";

/** Tenths of a second between TERM and KILL; with the check afterwards a cancel takes less than five seconds. */
const graceTenths = 30;

export function shellTarget(shell: Shell, place: Omit<RunPlace, "runId">): LaunchTarget {
  const { folder } = place;
  const text = async (script: string, values: readonly string[], options: CallOptions = {}) =>
    keyValues(Buffer.from(await shell.run(script, { arguments: [folder, ...values], signal: options.signal })).toString("utf8"));

  return {
    label: shell.label,
    close: () => shell.close(),
    async stage(document, options = {}) {
      options.onStep?.(`Checking ${shell.label}`);
      const facts = await preflight(shell, document, options);
      const trees = Object.values(document.trees);
      requireFit(shell.label, judge(facts, document, trees.reduce((sum, tree) => sum + tree.bytes, 0)));
      return upload(shell, document, options);
    },
    async start(document, options = {}) {
      options.onStep?.(`Starting ${document.place.runId} on ${shell.label}`);
      const answer = keyValues(Buffer.from(await shell.run(document.scripts.start, {
        arguments: [folder, document.place.runId, checksums(document), ...linksOf(document)],
        data: tar(document.files.map((file) => ({ kind: "file", path: file.path, bytes: file.bytes, content: () => once(file.text) }))),
        signal: options.signal,
      })).toString("utf8"));
      return { pid: Number(answer.get("pid")), folder: answer.get("folder") ?? "" };
    },
    async observe(runId, fromByte, maxBytes, options = {}) {
      return readObservation(await shell.run(observeRun, { arguments: [folder, runId, String(fromByte), String(maxBytes)], signal: options.signal, timeoutMs: 60_000 }));
    },
    async cancel(runId, options = {}) {
      const answer = await text(cancelRun, [runId, String(graceTenths)], options);
      const left = Number(answer.get("left"));
      if (left > 0) throw new UserError(`${left} processes of ${runId} on ${shell.label} could not be ended. Look there with: ps -fp "$(pgrep -f ${runId})"`);
      return { killed: Number(answer.get("killed")) };
    },
    async resume(runId, options = {}) {
      const answer = await text(resumeRun, [runId], options);
      return { pid: Number(answer.get("pid")), folder: answer.get("folder") ?? "" };
    },
    fetch: (runId, into, options = {}) => fetchResults(shell, folder, runId, into, options),
  };
}

export async function preflight(shell: Shell, document: LaunchDocument, options: CallOptions = {}): Promise<TargetFacts> {
  const values = [document.place.folder, document.interpreter, document.prelude.join("\n"), ...document.requirements.map(({ name }) => name)];
  const answer = await shell.run(document.scripts.preflight, { arguments: values, signal: options.signal, timeoutMs: 120_000 });
  return readFacts(Buffer.from(answer).toString("utf8"));
}

function checksums(document: LaunchDocument): string {
  return document.files.map((file) => `${file.sha256}  ${file.path}`).join("\n");
}

/** The model that gets new weights is copied by the run; what was given keeps another name. */
function linksOf(document: LaunchDocument): readonly string[] {
  return Object.entries(document.trees).map(([name, tree]) => `${name === "model" && document.initWeights !== undefined ? "model.given" : name}=${tree.sha256}`);
}

async function* once(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}
