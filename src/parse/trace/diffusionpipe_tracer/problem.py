"""What cannot be traced, said so that a person can act on it."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

OWN_FOLDER = str(Path(__file__).resolve().parent)
TRACEBACK_LINES = 12
MESSAGE_CHARACTERS = 2000


class TraceProblem(Exception):
    """`kind` is one of: request, import, class, constructor, inputs, forward, values, limits."""

    def __init__(self, kind: str, message: str, cause: BaseException | None = None):
        super().__init__(message)
        self.kind = kind
        self.cause = cause

    def document(self) -> dict:
        problem = {"kind": self.kind, "message": str(self)[:MESSAGE_CHARACTERS]}
        if self.cause is not None:
            frame = culprit(self.cause)
            if frame is not None:
                problem["file"], problem["line"] = frame
            lines = "".join(traceback.format_exception(self.cause)).rstrip().splitlines()
            problem["traceback"] = "\n".join(lines[-TRACEBACK_LINES:])[-4 * MESSAGE_CHARACTERS :]
        return problem


def last_line(error: BaseException) -> str:
    """As Python prints it below a traceback: the type and the message."""
    return "".join(traceback.format_exception_only(error)).strip()


def culprit(error: BaseException) -> tuple[str, int] | None:
    """File and line nearest to the failure that is neither torch's nor ours: a syntax error's own place, else a frame."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    foreign = [frame for frame in frames if not is_library(frame.filename)]
    return (foreign[-1].filename, foreign[-1].lineno or 0) if foreign else None


def is_library(file: str) -> bool:
    inside = (OWN_FOLDER, str(Path(sys.modules["torch"].__file__).parent) if "torch" in sys.modules else OWN_FOLDER)
    return file.startswith("<") or file.startswith(inside) or file.startswith((sys.prefix, sys.base_prefix)) and "site-packages" not in file
