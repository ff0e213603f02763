/** Where runs go. File form: `NAME.target.json`. It never holds a secret. */

export interface Target {
  readonly format: "diffusionpipe.target/1";
  readonly kind: "local" | "ssh" | "slurm" | "kubernetes";
  readonly name?: string;
  /** The cluster file that describes this target, relative to the target file. */
  readonly cluster: string;
  /** Python on the target, with the trainer's requirements installed. Absolute, or found on PATH, or relative to the target file (local only). */
  readonly interpreter: string;
  /** Shell lines run before the trainer (module load, exports), sent through standard input. */
  readonly prelude?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Folder on the target that holds runs. `~` is the target's home. */
  readonly folder: string;
  /** Host threads per rank; 1 on CPU targets with a core per rank. */
  readonly threadsPerRank?: number;
  /** Pin rank r to core r (CPU targets). */
  readonly pinCores?: boolean;
  readonly ssh?: {
    /** A host alias of the user's own ssh configuration, or user@host. */
    readonly host: string;
    /** An ssh configuration file to use instead of the user's. */
    readonly configFile?: string;
  };
}
