/** Where a pipeline's configurations come from: a diffusers folder, a cache, a training script's parts, a checkpoint's header. */

export interface ConfigFile {
  /** Path for messages. */
  readonly file: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface ModelIndex {
  /** Path for messages. */
  readonly file: string;
  /** Class of the pipeline, e.g. "StableDiffusionPipeline". */
  readonly class: string;
  /** Component -> class; components that are null are left out. */
  readonly components: ReadonlyMap<string, string>;
  /** Component -> the Python module that has its class, where that is known. */
  readonly libraries?: ReadonlyMap<string, string>;
}

export interface ConfigSource {
  index(): Promise<ModelIndex>;
  /** The configuration of a component. @throws UserError naming the file. */
  read(component: string): Promise<ConfigFile>;
  /** SHA-256 over what has been read so far. */
  fingerprint(): string;
}
