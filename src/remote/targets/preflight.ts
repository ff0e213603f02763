/** Whether a target can run a launch: what it answered, judged. */
import { UserError } from "../../model/errors";
import { keyValues } from "./keyValues";
import type { LaunchDocument, Requirement } from "./target";

export interface TargetFacts {
  readonly system: string;
  /** Programs that scripts need and that are not there. */
  readonly missingTools: readonly string[];
  /** Absolute. */
  readonly folder: string;
  readonly freeBytes?: number;
  readonly cores: number;
  readonly gpus: number;
  /** Undefined where the interpreter was not found. */
  readonly python?: string;
  readonly packages: readonly Requirement[];
}

export function readFacts(text: string): TargetFacts {
  const values = keyValues(text);
  const freeKb = Number(values.get("freeKb"));
  return {
    system: values.get("system") ?? "",
    missingTools: values.all("missing"),
    folder: values.get("folder") ?? "",
    ...(freeKb > 0 ? { freeBytes: freeKb * 1024 } : {}),
    cores: Number(values.get("cores")) || 0,
    gpus: Number(values.get("gpus")) || 0,
    ...(values.get("python") ? { python: values.get("python") } : {}),
    packages: values.all("package").map((entry) => ({ name: entry.split(" ")[0], version: entry.split(" ")[1] ?? "" })),
  };
}

/** Lines `name==version` of a requirements.txt; other lines are not pins. */
export function readRequirements(text: string): readonly Requirement[] {
  return [...text.matchAll(/^\s*([A-Za-z0-9._-]+)\s*==\s*([0-9][^\s;#]*)/gm)].map(([, name, version]) => ({ name, version }));
}

/** Packages whose private parts or file formats the trainer relies on: another minor version may fail or train differently. */
const exact: ReadonlySet<string> = new Set(["torch", "diffusers", "transformers"]);

/** "2.13.0+cu126" and "2.13.1" are of one minor version. */
function sameMinor(a: string, b: string): boolean {
  const minor = (version: string) => version.split("+")[0].split(".").slice(0, 2).join(".");
  return minor(a) === minor(b);
}

/** Every reason why the launch cannot run there, each with what to do. Empty: it can. */
export function judge(facts: TargetFacts, document: LaunchDocument, bytesToSend: number): readonly string[] {
  const problems: string[] = [];
  if (facts.system !== "Linux") problems.push(`Runs need Linux; this is ${facts.system || "unknown"}.`);
  if (facts.missingTools.length) problems.push(`These programs are missing: ${facts.missingTools.join(", ")}. Install them (coreutils, findutils, tar, util-linux).`);
  if (facts.python === undefined) {
    problems.push(`The interpreter "${document.interpreter}" was not found or does not start. Set "interpreter" in the target file to the Python that has the trainer's packages${document.place.kind === "local" ? ", or DIFFUSIONPIPE_PYTHON" : ""}.`);
  } else {
    const wrong = wrongPackages(document.requirements, facts.packages);
    if (wrong.length) {
      const pins = document.requirements.map(({ name, version }) => `${name}==${version}`).join(" ");
      problems.push(`The interpreter "${document.interpreter}" (Python ${facts.python}) lacks what the trainer needs: ${wrong.join("; ")}. On the target run: ${document.interpreter} -m pip install ${pins}`);
    }
  }
  // Room for what is sent and for the trained model, which is about as large as the given one.
  const needed = bytesToSend + document.trees.model.bytes;
  if (facts.freeBytes !== undefined && facts.freeBytes < needed) problems.push(`${facts.folder} has ${facts.freeBytes} bytes free; the launch needs about ${needed}. Free some, or choose another folder in the target file.`);
  const devices = facts.gpus > 0 ? facts.gpus : facts.cores;
  if (devices < document.worldSize && (facts.gpus > 0 || document.pinCores)) {
    problems.push(`${document.worldSize} devices are needed; there are ${facts.gpus > 0 ? `${facts.gpus} GPUs` : `${facts.cores} cores`}. Choose another target, or plan for what this one has.`);
  }
  return problems;
}

function wrongPackages(needed: readonly Requirement[], found: readonly Requirement[]): readonly string[] {
  return needed.flatMap(({ name, version }) => {
    const has = found.find((entry) => entry.name === name)?.version;
    if (has === undefined) return [`${name} is not installed`];
    return exact.has(name) && !sameMinor(has, version) ? [`${name} is ${has}, not ${version}`] : [];
  });
}

/** @throws UserError with all problems at once. */
export function requireFit(label: string, problems: readonly string[]): void {
  if (problems.length) throw new UserError(`${label} cannot run this. ${problems.join(" ")}`);
}
