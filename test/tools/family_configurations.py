"""Writes test/fixtures/families.json: a small configuration of every family, the first of those that its parity tests run."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "parity"))
from family import all_families  # noqa: E402

configurations = {}
for family in all_families().values():
    configurations.setdefault(family.CLASS, next(iter(family.REDUCED.values())).config)
(ROOT / "test/fixtures/families.json").write_text(json.dumps(configurations, indent=1) + "\n")
