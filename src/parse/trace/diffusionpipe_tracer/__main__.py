"""Standard input: {"class": "module:Class", "config": {…}, "folder"?, "inputs"?: {…}, "sizes"?: {…}, "options"?: {…}, "export"?: {…}}.

Standard output: the document, or {"format", "error": {"kind", "message", "file"?, "line"?, "traceback"?}} and exit code 3.
Whatever the traced code prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

from .problem import TraceProblem, last_line

OPTIONS = {"maxLayers": (1, 10_000, 1000), "maxDepth": (1, 64, 16), "maxShare": (0, 1, 0.25), "maxOperators": (1, 1_000_000, 500_000)}
# One sample hides what a batch needs (a copy that makes rows contiguous), so the smallest batch that is one.
BATCHES = (2, 3)
PROBLEM_EXIT = 3


def claim_output():
    """Standard output for the document alone: prints, also those of native code, go to standard error from here on."""
    document = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return document


def read_request() -> dict:
    try:
        request = json.load(sys.stdin)
    except (ValueError, RecursionError) as error:
        raise TraceProblem("request", f"The request is not JSON: {error}") from error
    if not isinstance(request, dict) or not isinstance(request.get("class"), str) or not isinstance(request.get("config", {}), dict):
        raise TraceProblem("request", 'The request needs a "class" and a "config" object.')
    for key in ("inputs", "sizes", "options", "export"):
        if not isinstance(request.setdefault(key, {}), dict):
            raise TraceProblem("request", f'"{key}" of the request is not an object.')
    for key, (least, most, usual) in OPTIONS.items():
        value = request["options"].setdefault(key, usual)
        if not isinstance(value, (int, float)) or not least <= value <= most:
            raise TraceProblem("request", f'"{key}" is {value!r}; expected a number from {least} to {most}.')
    return request


def main() -> int:
    document = claim_output()
    warnings.simplefilter("ignore")
    try:
        answer = trace(read_request())
    except TraceProblem as problem:
        answer = {"format": "diffusionpipe.trace/1", "error": problem.document()}
    json.dump(answer, document, allow_nan=False)
    document.flush()
    # Threads and exit handlers of the traced code have no say in how this ends.
    sys.stderr.flush()
    os._exit(PROBLEM_EXIT if "error" in answer else 0)


def trace(request: dict) -> dict:
    try:
        from .run import run
    except ImportError as error:
        raise TraceProblem("torch", f"{sys.executable} cannot trace: {last_line(error)}. Choose a Python that has PyTorch 2.4 or newer.") from error
    folder = request.get("folder")
    if folder is not None:
        try:
            os.chdir(folder)
        except (OSError, TypeError) as error:
            raise TraceProblem("request", f"The folder cannot be entered: {last_line(error)}") from error
        sys.path.insert(0, os.getcwd())
    return run(request, BATCHES)


if __name__ == "__main__":
    main()
