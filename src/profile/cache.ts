/** Measurements kept between runs: a file per measurement in one folder of the user's, shared by all workspaces and processes. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Files } from "../platform/files";
import { measurementSchema, type Measurement, type Precision, type Provider } from "./messages";

/** Everything that a measurement depends on. */
export interface MeasurementKey {
  /** `graphDigest` of the pass at this batch: equal work is measured once whatever model, layer and pass it is in, and a changed operator list is another measurement. */
  readonly graph: string;
  readonly provider: Provider;
  readonly device: string;
  readonly precision: Precision;
  readonly threads: number;
  /** Other cores kept busy meanwhile. */
  readonly busyCores: number;
  readonly batch: number;
  readonly budgetMs: number;
  readonly runtimeVersion: string;
}

const format = "diffusionpipe.measurement/2";
const entrySchema = z.object({ format: z.literal(format), key: z.record(z.string(), z.union([z.string(), z.number()])), measurement: measurementSchema });
const maxEntryBytes = 64 * 1024;
const keyNames: readonly (keyof MeasurementKey)[] = ["graph", "provider", "device", "precision", "threads", "busyCores", "batch", "budgetMs", "runtimeVersion"];

function keyText(key: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(keyNames.map((name) => key[name]));
}

export class MeasurementCache {
  constructor(
    private readonly files: Files,
    private readonly folder: string,
    private readonly mostEntries = 50_000,
  ) {}

  private path(key: MeasurementKey): string {
    return join(this.folder, `${createHash("sha256").update(`${format}${keyText({ ...key })}`).digest("hex")}.json`);
  }

  /** Undefined where there is none, or none that can be read: it is then measured again. */
  async read(key: MeasurementKey): Promise<Measurement | undefined> {
    try {
      const text = new TextDecoder().decode(await this.files.read(this.path(key), maxEntryBytes));
      const entry = entrySchema.safeParse(JSON.parse(text)).data;
      return entry && keyText(entry.key) === keyText({ ...key }) ? entry.measurement : undefined;
    } catch {
      return undefined;
    }
  }

  async write(key: MeasurementKey, measurement: Measurement): Promise<void> {
    await this.files.write(this.path(key), `${JSON.stringify({ format, key, measurement })}\n`);
  }

  /** Removes the oldest entries beyond the most that are kept, down to nine tenths of it. */
  async prune(): Promise<void> {
    const names = (await this.files.list(this.folder)).filter((name) => name.endsWith(".json"));
    if (names.length <= this.mostEntries) return;
    const aged = await Promise.all(names.map(async (name) => ({ name, modifiedMs: (await this.files.stat(join(this.folder, name)))?.modifiedMs ?? 0 })));
    aged.sort((a, b) => a.modifiedMs - b.modifiedMs);
    for (const { name } of aged.slice(0, names.length - Math.floor(this.mostEntries * 0.9))) await this.files.remove(join(this.folder, name));
  }
}
