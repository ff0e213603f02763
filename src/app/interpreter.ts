/** Which Python on this machine reads and runs the user's own modules. */

export interface InterpreterSources {
  /** What the user named for this call or in the settings. */
  readonly setting?: string;
  /** `DIFFUSIONPIPE_PYTHON`. */
  readonly environment?: string;
  /** What the Python extension has selected for the workspace. */
  readonly selected?: string;
  readonly platform: NodeJS.Platform;
}

export interface Interpreter {
  /** A path, or a name to be looked up on `PATH`. */
  readonly program: string;
  /** For messages. */
  readonly from: string;
}

/** The most deliberate choice wins. */
export function chooseInterpreter({ setting, environment, selected, platform }: InterpreterSources): Interpreter {
  if (setting?.trim()) return { program: setting.trim(), from: "as set" };
  if (environment?.trim()) return { program: environment.trim(), from: "DIFFUSIONPIPE_PYTHON" };
  if (selected?.trim()) return { program: selected.trim(), from: "selected in the Python extension" };
  return { program: platform === "win32" ? "python" : "python3", from: "found on PATH" };
}
