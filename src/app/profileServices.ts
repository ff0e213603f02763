/** What profiling needs of this machine, for the command line and the editor alike. */
import { hostname } from "node:os";
import { join } from "node:path";
import { userCacheFolder } from "../platform/cacheFolder";
import { nodeFiles } from "../platform/nodeFiles";
import { nodeProcesses } from "../platform/nodeProcess";
import { nodeScript } from "../platform/nodeScript";
import { measurementFolder, type ProfileServices } from "./profile";

/**
 * @param scripts The folder of the built scripts (`dist`), where measure.js and busy.js are.
 * @param machine What people call this machine.
 */
export function localProfileServices(scripts: string, machine = hostname()): ProfileServices {
  return {
    files: nodeFiles,
    processes: nodeProcesses,
    cacheFolder: measurementFolder(userCacheFolder()),
    measure: nodeScript(join(scripts, "measure.js")),
    busy: nodeScript(join(scripts, "busy.js")),
    machine,
    now: () => performance.now(),
  };
}
