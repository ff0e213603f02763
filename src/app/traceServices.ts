/** What tracing runs with, beside a bundle: dist and src/parse/trace ship together. */
import { join } from "node:path";
import { nodeFiles } from "../platform/nodeFiles";
import { nodeProcesses } from "../platform/nodeProcess";
import type { TraceServices } from "./trace";

export function traceServices(): TraceServices {
  return { files: nodeFiles, processes: nodeProcesses, tracerFolder: join(__dirname, "..", "src", "parse", "trace") };
}
