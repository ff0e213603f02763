/** What this machine remembers of the runs it started: a folder per run, so that any later session can find them again. */
import { join } from "node:path";
import { z } from "zod";
import { parseDocument, decodeUtf8, type Format } from "../../formats/document";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";
import type { RunPlace, RunState, StartReport, SyncReport } from "../targets/target";
import { isRunId } from "./id";

export interface RunRecord {
  readonly format: "diffusionpipe.run/1";
  readonly id: string;
  readonly place: RunPlace;
  readonly targetName: string;
  /** Absolute. */
  readonly planPath: string;
  readonly steps: number;
  /** ISO 8601, by this machine's clock. */
  readonly createdAt: string;
  /** What had to be sent. */
  readonly sync: SyncReport;
  /** Known once the target has confirmed the start. */
  readonly started?: StartReport;
  /** As last seen; "launching" until the start is confirmed. */
  readonly lastState: RunState | "launching";
}

const states = ["launching", "running", "completed", "failed", "cancelled", "lost", "gone"] as const;

const schema: z.ZodType<RunRecord> = z.looseObject({
  format: z.literal("diffusionpipe.run/1"),
  id: z.string().refine(isRunId, "expected a run's id"),
  place: z.looseObject({
    runId: z.string().refine(isRunId, "expected a run's id"),
    kind: z.enum(["local", "ssh", "slurm", "kubernetes"]),
    folder: z.string().min(1),
    ssh: z.looseObject({ host: z.string().min(1), configFile: z.string().optional() }).optional(),
  }),
  targetName: z.string(),
  planPath: z.string(),
  steps: z.int().positive(),
  createdAt: z.string(),
  sync: z.looseObject({ sentFiles: z.number(), sentBytes: z.number(), presentFiles: z.number(), presentBytes: z.number() }),
  started: z.looseObject({ pid: z.number(), folder: z.string() }).optional(),
  lastState: z.enum(states),
});

const recordFormat: Format<RunRecord> = { id: "diffusionpipe.run/1", extension: ".run.json", schema };
const maxRecordBytes = 1024 * 1024;

export interface RunStore {
  /** Folder of a run's record: also holds launch.json and predicted.timeline.json. */
  folderOf(id: string): string;
  save(record: RunRecord): Promise<void>;
  /** @throws UserError for an unknown id. */
  read(id: string): Promise<RunRecord>;
  /** Newest first. A record that cannot be read is left out. */
  list(): Promise<readonly RunRecord[]>;
  remove(id: string): Promise<void>;
  /** Bytes of the log that were shown already; 0 for none. */
  shownBytes(id: string): Promise<number>;
  saveShownBytes(id: string, bytes: number): Promise<void>;
}

export function runStore(files: Files, folder: string): RunStore {
  const folderOf = (id: string) => {
    if (!isRunId(id)) throw new UserError(`"${id}" is not the id of a run.`, { hint: "The command runs lists them." });
    return join(folder, id);
  };
  const recordFile = (id: string) => join(folderOf(id), "run.json");
  const shownFile = (id: string) => join(folderOf(id), "shown.json");
  const read = async (id: string): Promise<RunRecord> => {
    const file = recordFile(id);
    if (!(await files.stat(file))) throw new UserError(`There is no run "${id}" here.`, { hint: "The command runs lists them." });
    return parseDocument(recordFormat, decodeUtf8(await files.read(file, maxRecordBytes), file), file);
  };
  return {
    folderOf,
    read,
    save: (record) => files.write(recordFile(record.id), `${JSON.stringify(record, null, 2)}\n`),
    async list() {
      const ids = (await files.list(folder)).filter(isRunId);
      const records = await Promise.all(ids.map((id) => read(id).catch(() => undefined)));
      return records.filter((record) => record !== undefined).sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
    },
    remove: (id) => files.remove(folderOf(id)),
    async shownBytes(id) {
      const file = shownFile(id);
      if (!(await files.stat(file))) return 0;
      const value: unknown = JSON.parse(decodeUtf8(await files.read(file, 1024), file));
      return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : 0;
    },
    saveShownBytes: (id, bytes) => files.write(shownFile(id), `${bytes}\n`),
  };
}
