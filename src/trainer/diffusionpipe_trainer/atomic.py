"""Files and folders that appear whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_unfinished: set[Path] = set()


def remove_unfinished() -> None:
    """Delete what is half-written; called before the process leaves early."""
    for path in list(_unfinished):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        _unfinished.discard(path)


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    _unfinished.add(temporary)
    try:
        yield temporary
    except BaseException:
        remove_unfinished()
        raise
    _unfinished.discard(temporary)


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Yield an empty folder on the disk of `beside`; it is deleted in the end."""
    with _temporary(beside) as temporary:
        temporary.mkdir()
        yield temporary
        shutil.rmtree(temporary)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path; on success it becomes `target`, replacing what was there."""
    with _temporary(target) as temporary:
        yield temporary
        os.replace(temporary, target)


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes `target`. An older folder of that name is replaced."""
    with _temporary(target) as temporary:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        yield temporary
        if target.exists():
            old = target.with_name(f".{target.name}.{os.getpid()}.old")
            os.rename(target, old)
            os.rename(temporary, target)
            shutil.rmtree(old)
        else:
            os.rename(temporary, target)


def write_json(target: Path, document: object) -> None:
    """Write JSON text (UTF-8, two spaces of indentation, final newline) whole."""
    with whole_file(target) as temporary:
        temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
