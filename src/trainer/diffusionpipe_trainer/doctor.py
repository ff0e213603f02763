"""What this machine and interpreter can do, for a launcher to look at before it launches."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "pillow", "numpy")


def doctor() -> dict[str, Any]:
    """{"python", "platform", "packages": {name: version | null}, "devices": [{"name", "memoryBytes"}], "cores", "freeBytes"}."""
    packages: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = None
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "devices": _devices() if packages["torch"] is not None else [],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "freeBytes": shutil.disk_usage(Path.cwd()).free,
    }


def _devices() -> list[dict[str, Any]]:
    import torch

    if torch.cuda.is_available():
        properties = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        return [{"name": p.name, "memoryBytes": p.total_memory} for p in properties]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [{"name": platform.processor() or platform.machine(), "memoryBytes": memory}]
