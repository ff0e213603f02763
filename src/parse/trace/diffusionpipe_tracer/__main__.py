"""Standard input: {"class": "module:Class", "config": {…}, "folder"?, "inputs"?: {…}, "sizes"?: {…}, "options"?: {…}, "exports"?: bool}.

Standard output: the document, or {"format", "error": {"kind", "message", "file"?, "line"?, "traceback"?}} and exit code 3.
Whatever the traced code prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

from . import FORMAT
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


def checked(text: str) -> dict:
    """The request with its options filled in."""
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TraceProblem("request", f"The request is not JSON: {error}") from error
    if not isinstance(request, dict) or not isinstance(request.get("class"), str) or not isinstance(request.setdefault("config", {}), dict):
        raise TraceProblem("request", 'The request needs a "class" and a "config" object.')
    for key in ("inputs", "sizes", "options"):
        if not isinstance(request.setdefault(key, {}), dict):
            raise TraceProblem("request", f'"{key}" of the request is not an object.')
    if not isinstance(request.setdefault("exports", False), bool):
        raise TraceProblem("request", '"exports" of the request is neither true nor false.')
    for key, (least, most, usual) in OPTIONS.items():
        value = request["options"].setdefault(key, usual)
        if not isinstance(value, (int, float)) or not least <= value <= most:
            raise TraceProblem("request", f'"{key}" is {value!r}; expected a number from {least} to {most}.')
    return request


def answer(text: str) -> dict:
    """The document that answers a request, whatever comes."""
    try:
        request = checked(text)
        try:
            from .run import run
        except ImportError as error:
            raise TraceProblem("torch", f"{sys.executable} cannot trace: {last_line(error)}. Choose a Python that has PyTorch 2.4 or newer.") from error
        enter(request.get("folder"))
        return run(request, BATCHES)
    except TraceProblem as problem:
        return {"format": FORMAT, "error": problem.document()}


def enter(folder: object) -> None:
    """Modules are imported from there, and files that the traced code opens are looked for there."""
    if folder is None:
        return
    try:
        os.chdir(folder)
    except (OSError, TypeError) as error:
        raise TraceProblem("request", f"The folder cannot be entered: {last_line(error)}") from error
    sys.path.insert(0, os.getcwd())


def main() -> None:
    output = claim_output()
    warnings.simplefilter("ignore")
    document = answer(sys.stdin.read())
    json.dump(document, output, allow_nan=False)
    output.flush()
    sys.stderr.flush()
    # Threads and exit handlers of the traced code have no say in how this ends.
    os._exit(PROBLEM_EXIT if "error" in document else 0)


if __name__ == "__main__":
    main()
