/** `NAME.target.json`. Unknown keys are refused at the top level here, since a misspelt one would send a run elsewhere. */
import { z } from "zod";
import type { Target } from "../model/target";
import type { Format } from "./document";
import { positive } from "./parts";

/** A host that begins with "-" would be read by ssh as an option. */
const host = z.string().min(1).max(255).regex(/^[A-Za-z0-9_.@:[\]%-]+$/, "expected a host alias or user@host").refine((value) => !value.startsWith("-"), "a host cannot begin with a dash");

const schema: z.ZodType<Target> = z.strictObject({
  $schema: z.string().optional(),
  format: z.literal("diffusionpipe.target/1"),
  kind: z.enum(["local", "ssh", "slurm", "kubernetes"]),
  name: z.string().min(1).optional(),
  cluster: z.string().min(1),
  interpreter: z.string().min(1),
  prelude: z.array(z.string()).optional(),
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string()).optional(),
  folder: z.string().min(1),
  threadsPerRank: positive.optional(),
  pinCores: z.boolean().optional(),
  ssh: z.strictObject({ host, configFile: z.string().min(1).optional() }).optional(),
});

function check(target: Target): { field: string; message: string } | undefined {
  if (target.kind === "ssh" && !target.ssh) return { field: "ssh", message: "An ssh target names its host here." };
  return undefined;
}

export const targetFormat: Format<Target> = { id: "diffusionpipe.target/1", extension: ".target.json", schema, check };
