/** `run.sh`: what runs on the target, detached. Its arguments: the run's folder and, to go on with a run, a checkpoint below it. */
import { exportLines } from "./quote";

export interface RunCommand {
  /** As the target file has it; `~/` is the target's home. */
  readonly interpreter: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Arguments of the interpreter. `$run/…` paths are given as {@link inRun}. */
  readonly command: readonly Argument[];
  /** Seed of the weights to make first, in the run's own copy of the model. */
  readonly initWeights?: number;
}

/** A word of a command: text as it is, or a path inside the run's folder. */
export type Argument = string | { readonly inRun: string };

export function inRun(path: string): Argument {
  return { inRun: path };
}

/** Only known characters go unquoted; everything else is passed in single quotes. */
function word(argument: Argument): string {
  if (typeof argument !== "string") return `"$run/${argument.inRun}"`;
  return /^[A-Za-z0-9_./=-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** `"$python" -m …` as shown and as run. */
export function commandLine(words: readonly Argument[]): string {
  return ['"$python"', ...words.map(word)].join(" ");
}

/**
 * The script. It records its process id (its group's as well), runs the prelude, then the command, and records its exit code
 * whole or not at all. TERM does not end it before its command has.
 */
export function runScript(command: RunCommand): string {
  const steps = command.initWeights === undefined ? [] : [
    "# The given model has no weights: make them in a copy of its own.",
    "if [ ! -d model ]; then",
    "  cp -rL model.given model.new || finish 1",
    `  supervise ${commandLine(["-m", "diffusionpipe_trainer", "init", "--model", inRun("model.new"), "--seed", String(command.initWeights)])} || finish $?`,
    "  mv model.new model || finish 1",
    "fi",
  ];
  return `${[
    "#!/bin/bash",
    "run=$1",
    'cd -- "$run" || exit 1',
    'printf "%s\\n" $$ >pid.new && mv pid.new pid',
    'finish() { printf "%s\\n" "$1" >exit.new && mv exit.new exit; exit "$1"; }',
    "# A cancelled run still waits for its ranks and records how they ended.",
    "supervise() { \"$@\" & local child=$! code; while :; do wait \"$child\"; code=$?; kill -0 \"$child\" 2>/dev/null || return \"$code\"; done; }",
    "trap : TERM",
    ". ./prelude.sh </dev/null",
    ...exportLines(command.environment),
    'export PYTHONPATH="$run/trainer${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1',
    `python=${word(command.interpreter)}`,
    'case $python in "~/"*) python=$HOME/${python:2} ;; esac',
    ...steps,
    'resume=(); [ -z "$2" ] || resume=(--resume "$run/$2")',
    `supervise ${commandLine(command.command)} "\${resume[@]}"`,
    "finish $?",
  ].join("\n")}\n`;
}
