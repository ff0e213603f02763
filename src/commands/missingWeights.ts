import { dirname, join } from "node:path";
import { resolveRef } from "../app/planFiles";
import { readDocument } from "../formats/document";
import { planFormat } from "../formats/plan";
import { profileFormat } from "../formats/profile";
import type { Files } from "../platform/files";
import { componentsWithoutWeights } from "../remote/sync/select";

/** Components of a plan's model that have a configuration and no weights. @throws UserError when plan or profile cannot be read. */
export async function missingWeights(files: Files, planPath: string): Promise<readonly string[]> {
  const plan = await readDocument(planFormat, files, planPath);
  const { components } = await readDocument(profileFormat, files, resolveRef(planPath, plan.profile));
  const named = resolveRef(planPath, plan.model);
  const folder = (await files.stat(named))?.kind === "file" ? dirname(named) : named;
  const names = components.map((component) => component.name);
  const listed = await Promise.all(names.map(async (name) => (await files.list(join(folder, name))).map((file) => ({ path: `${name}/${file}` }))));
  return componentsWithoutWeights({ files: listed.flat() }, names);
}
