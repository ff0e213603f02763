"""Errors that a person can act on."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """The input is wrong. Names the file and, where there is one, the field or line."""

    def __init__(self, message: str, file: str | Path | None = None, field: str | None = None) -> None:
        self.message = message
        self.file = str(file) if file is not None else None
        self.field = field
        place = ": ".join(part for part in (self.file, field) if part)
        super().__init__(f"{place}: {message}" if place else message)
