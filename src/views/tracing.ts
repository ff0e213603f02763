/** Components of unknown classes, traced by the Python that the editor's user has chosen. */
import * as vscode from "vscode";
import { chooseInterpreter } from "../app/interpreter";
import { traceClass } from "../app/trace";
import { traceServices } from "../app/traceServices";
import type { TraceClass } from "../parse/pipelines";

/** Of the Python extension's public API, what is used here. */
interface PythonExtension {
  readonly environments?: { getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string } };
}

async function selectedPython(resource: vscode.Uri): Promise<string | undefined> {
  try {
    const api = await vscode.extensions.getExtension<PythonExtension>("ms-python.python")?.activate();
    return api?.environments?.getActiveEnvironmentPath(resource).path;
  } catch {
    return undefined; // another extension's trouble is not this one's
  }
}

/**
 * A class is traced once for each configuration; what failed is tried again. In an untrusted workspace it is refused, and says so.
 * @param exports Whether layers are to be measured, which needs their graphs.
 */
export function editorTrace(path: string, exports = false): TraceClass {
  const known = new Map<string, ReturnType<TraceClass>>();
  return (library, className, config) => {
    const key = JSON.stringify([library, className, config.json]);
    const traced = known.get(key) ?? traceNow(path, exports, library, className, config);
    known.set(key, traced);
    traced.catch(() => known.delete(key));
    return traced;
  };
}

async function traceNow(path: string, exports: boolean, ...[library, className, config]: Parameters<TraceClass>): ReturnType<TraceClass> {
  const resource = vscode.Uri.file(path);
  const python = chooseInterpreter({
    setting: vscode.workspace.getConfiguration("diffusionpipe", resource).get("python"),
    environment: process.env.DIFFUSIONPIPE_PYTHON,
    selected: vscode.workspace.isTrusted ? await selectedPython(resource) : undefined,
    platform: process.platform,
  });
  const trace = traceClass(traceServices(), { python, trusted: vscode.workspace.isTrusted, exports });
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Tracing {0} with {1}", className, python.program) }, () => trace(library, className, config));
}
