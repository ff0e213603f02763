/** Main file of the measuring process: requests as lines of JSON on standard input, replies on standard output. Ends with its input. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { env } from "onnxruntime-node";
import { inHalfPrecision } from "../graph/halfPrecision";
import { messageOf } from "../model/errors";
import { failureOf } from "../profile/failure";
import { measureGraph } from "../profile/measureGraph";
import type { MeasureRequest, Reply, Request } from "../profile/messages";
import { probe } from "../profile/probe";

function send(reply: Reply): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

function inItsPrecision(request: MeasureRequest): MeasureRequest {
  return request.precision === "float16" ? { ...request, graph: inHalfPrecision(request.graph) } : request;
}

/** The folder that the npm package has for this platform, beside its `dist`. */
function libraryFolder(): string {
  return join(dirname(createRequire(__filename).resolve("onnxruntime-node")), "..", "bin", "napi-v6", process.platform, process.arch);
}

async function answer(request: Request): Promise<Reply> {
  try {
    return request.kind === "probe"
      ? { kind: "probed", id: request.id, device: await probe(request.provider, request.precision) }
      : { kind: "measured", id: request.id, measurement: await measureGraph(inItsPrecision(request)) };
  } catch (error) {
    return { kind: "failed", id: request.id, ...failureOf(messageOf(error)) };
  }
}

/** Where memory runs out, Linux should end this process and not the editor. Raising the score needs no right. */
function volunteerForOutOfMemory(): void {
  if (process.platform !== "linux") return;
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // Not allowed in some sandboxes; only a preference is lost.
  }
}

volunteerForOutOfMemory();
send({ kind: "ready", pid: process.pid, runtimeVersion: env.versions.node ?? env.versions.common, libraryFolder: libraryFolder() });
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => void answer(JSON.parse(line) as Request).then(send));
lines.on("close", () => process.exit(0));
