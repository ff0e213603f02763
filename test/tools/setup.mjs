// Makes what the tests and the demo need, short of Debian packages: node test/tools/setup.mjs [npm] [python]
import { ensureNodeModules, ensurePython } from "./environment.mjs";

const steps = { npm: ensureNodeModules, python: ensurePython };
const asked = process.argv.slice(2);
for (const name of asked.length ? asked : Object.keys(steps)) {
  if (!steps[name]) throw new Error(`There is no step "${name}". Steps: ${Object.keys(steps).join(", ")}.`);
  steps[name]();
}
