/** The configurations of a script's models: from folders, the Hugging Face cache, single files, and settings in the code. */
import { createHash } from "node:crypto";
import { dirname, isAbsolute, join } from "node:path";
import { UserError } from "../../model/errors";
import type { Files } from "../../platform/files";
import { DiffusersFolder, indexName } from "../diffusers/folder";
import { findHubModel } from "../hub/cache";
import { readSingleFile } from "../singleFile/read";
import type { ConfigFile, ConfigSource, ModelIndex } from "../source";
import { controlNetOf } from "./controlNet";
import type { Origin, ScriptComponent, ScriptFacts } from "./facts";

export interface ScriptPlaces {
  readonly files: Files;
  /** Path of the script. */
  readonly file: string;
  /** The Hugging Face cache. */
  readonly hubFolder: string;
}

type Pretrained = Extract<Origin, { kind: "pretrained" }>;

export class ScriptSource implements ConfigSource {
  private readonly hash = createHash("sha256");
  private readonly folders = new Map<string, Promise<DiffusersFolder>>();
  private readonly components: ReadonlyMap<string, ScriptComponent>;

  /** @param text The script's, for the fingerprint. */
  constructor(private readonly places: ScriptPlaces, private readonly facts: ScriptFacts, text: string) {
    this.components = new Map(trainingComponents(facts).map((component) => [component.name, component]));
    this.hash.update(text);
  }

  async index(): Promise<ModelIndex> {
    const base = await this.base();
    const baseIndex = base && (await base.index());
    const isWhole = this.components.size === 0 || this.facts.pipelines.some(({ taken }) => taken.length > 0);
    const components = new Map(isWhole ? baseIndex?.components : undefined);
    for (const component of this.components.values()) components.set(component.name, await this.classOf(component, baseIndex));
    const scheduler = baseIndex?.components.get("scheduler") ?? (this.facts.predictionType ? "DDPMScheduler" : undefined);
    if (scheduler !== undefined) components.set("scheduler", scheduler);
    if (components.size === 0) throw new UserError("The script loads no model that can be seen in its text.", { file: this.places.file, hint: "Expected from_pretrained, from_config, or a model of diffusers or transformers made with settings." });
    return { file: this.places.file, class: this.pipelineClass(baseIndex), components };
  }

  async read(name: string): Promise<ConfigFile> {
    const config = await this.config(name);
    this.hash.update(`${name}\n${JSON.stringify(config.json)}\n`);
    return config;
  }

  fingerprint(): string {
    return this.hash.copy().digest("hex");
  }

  private async config(name: string): Promise<ConfigFile> {
    if (name === "scheduler" && this.facts.predictionType) return { file: this.places.file, json: { prediction_type: this.facts.predictionType.value } };
    const component = this.components.get(name);
    if (!component) {
      const base = await this.base();
      if (!base) throw new UserError(`The script has no "${name}".`, { file: this.places.file });
      return base.read(name);
    }
    const { origin } = component;
    switch (origin.kind) {
      case "pretrained":
        return this.pretrainedConfig(name, origin, component.line);
      case "singleFile":
        return (await readSingleFile(this.places.files, this.path(origin.path, component))).read(name);
      case "settings":
        return { file: this.places.file, json: { _class_name: component.class, ...origin.settings } };
      case "copy":
        return this.config(origin.of);
      case "controlNetOf": {
        const unet = await this.config(origin.of);
        return { file: unet.file, json: controlNetOf(unet.json, origin.settings) };
      }
      case "own":
        throw new UserError(`${component.class ?? name} is a class of your own, which can be traced by a Python with PyTorch and not read.`, { file: this.places.file, field: `line ${component.line}`, hint: "Run: diffusionpipe inspect MODULE:CLASS --config FILE." });
    }
  }

  private async pretrainedConfig(name: string, origin: Pretrained, line: number): Promise<ConfigFile> {
    const folder = await this.folder(origin, line);
    const parts = (origin.subfolder ?? "").split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..")) throw new UserError("A subfolder must not leave its model.", { file: this.places.file, field: `line ${line}` });
    if (parts.length > 0) return folder.readFile(...parts, "config.json");
    return (await folder.has("config.json")) || !(await folder.has(indexName)) ? folder.readFile("config.json") : folder.read(name);
  }

  /** The pipeline that the script's models come from: the trained model's, else the first one's with an index. */
  private async base(): Promise<ConfigSource | undefined> {
    const inOrder = [...this.components.values()].sort((a, b) => Number(!a.trained) - Number(!b.trained));
    for (const place of [...inOrder, ...this.facts.pipelines]) {
      const { origin, line } = place;
      if (origin.kind === "singleFile" && "taken" in place) return readSingleFile(this.places.files, this.path(origin.path, place));
      if (origin.kind !== "pretrained" || origin.id === undefined) continue;
      const folder = await this.folder(origin, line);
      if (await folder.has(indexName)) return folder;
    }
    return undefined;
  }

  /** A folder as the script's own folder or the system sees it, else the Hub's model in the cache. */
  private folder({ id, revision }: Pretrained, line: number): Promise<DiffusersFolder> {
    const { files, file, hubFolder } = this.places;
    if (id === undefined) throw new UserError("Which model it loads is open.", { file, field: `line ${line}` });
    const key = `${id}\n${revision ?? ""}`;
    const kept = this.folders.get(key);
    if (kept) return kept;
    const open = async () => {
      for (const folder of isAbsolute(id) ? [id] : [join(dirname(file), id)]) {
        if ((await files.stat(folder))?.kind === "folder") return DiffusersFolder.open(files, folder);
      }
      if (isAbsolute(id) || id.startsWith(".")) throw new UserError(`There is no folder ${id}.`, { file, field: `line ${line}` });
      return DiffusersFolder.open(files, await findHubModel(files, hubFolder, id, revision ?? "main"));
    };
    const opened = open();
    this.folders.set(key, opened);
    return opened;
  }

  private path(path: string | undefined, { line }: { readonly line: number }): string {
    if (path === undefined) throw new UserError("Which file it loads is open.", { file: this.places.file, field: `line ${line}` });
    return isAbsolute(path) ? path : join(dirname(this.places.file), path);
  }

  /** The script's word counts, then the pipeline's index, then the configuration itself. */
  private async classOf(component: ScriptComponent, base: ModelIndex | undefined): Promise<string> {
    const known = component.class ?? base?.components.get(component.name);
    if (known !== undefined) return known;
    const { json, file } = await this.config(component.name);
    const [architecture] = Array.isArray(json.architectures) ? (json.architectures as readonly unknown[]) : [];
    const named = json._class_name ?? architecture;
    if (typeof named !== "string") throw new UserError("The configuration does not say which class it is of.", { file, field: "_class_name" });
    return named;
  }

  private pipelineClass(base: ModelIndex | undefined): string {
    const made = this.facts.pipelines.find(({ class: name }) => name !== "DiffusionPipeline" && !name.startsWith("AutoPipeline"))?.class;
    const name = base?.class ?? made ?? [...this.components.values()].find(({ trained }) => trained)?.class ?? "Pipeline";
    const controlled = [...this.components.values()].some(({ class: className }) => className === "ControlNetModel");
    return controlled && !name.includes("ControlNet") ? name.replace(/Pipeline$/, "ControlNetPipeline") : name;
  }
}

/** A second, frozen model of a class that also trains is a teacher or a reference, which no pipeline has a place for. */
export function trainingComponents({ components }: ScriptFacts): readonly ScriptComponent[] {
  const trained = new Set(components.filter((component) => component.trained && component.class !== undefined).map((component) => component.class));
  return components.filter((component) => component.trained || !trained.has(component.class) || /text_encoder/.test(component.name));
}
