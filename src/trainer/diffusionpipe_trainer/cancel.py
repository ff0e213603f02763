"""Leaving early. A rank may be waiting for a message inside the runtime, where Python's own handlers do not run,
so a thread waits for the signals and ends the process."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable

from .atomic import remove_unfinished

_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_PR_SET_PDEATHSIG = 1
_on_cancel: list[Callable[[], None]] = []


def watch_signals() -> None:
    """Call first, before other threads start: they inherit the blocked signals.

    SIGTERM and SIGINT end the process at once: nothing half-written stays behind, `on_cancel` callbacks are called,
    exit status 143. The process also gets SIGTERM when the one that started it dies (Linux).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    threading.Thread(target=_wait, name="signals", daemon=True).start()


def on_cancel(callback: Callable[[], None]) -> None:
    """Have `callback` called when the run is cancelled; it must be quick."""
    _on_cancel.append(callback)


def _wait() -> None:
    signal.sigwait(_SIGNALS)
    try:
        remove_unfinished()
        for callback in _on_cancel:
            callback()
    finally:
        os._exit(143)
