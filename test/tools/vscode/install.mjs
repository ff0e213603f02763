/** node test/tools/vscode/install.mjs [oldest] [newest]: installs what the tests in VS Code run on; see versions.mjs. */
import { install, versions } from "./versions.mjs";

const labels = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(versions);
for (const label of labels) await install(label);
