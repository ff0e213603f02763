"""The figures of a measured timeline."""

from __future__ import annotations

from random import Random

import pytest
from diffusionpipe_trainer.program import Operation
from diffusionpipe_trainer.runtime.recorder import Record
from diffusionpipe_trainer.runtime.timeline import RankTrace, assemble


def trace(device: int, iterations: list[tuple[float, float]], begin: float = 0.0) -> RankTrace:
    """A rank that computes and then waits for its peer, `iterations` long (computing, waiting), in ms."""
    records, now = [], begin
    for standing, (computing, waiting) in enumerate(iterations):
        records.append(Record(Operation("F", 0, stage=device, microbatch=0), standing, now, now + computing))
        records.append(Record(Operation("RECV", 0, stage=device, peer=1 - device), standing, now + computing, now + computing + waiting))
        now += computing + waiting
    return RankTrace(f"cpu {device}", 0, 0.0, records)


def test_figures() -> None:
    timeline = assemble([trace(0, [(30, 10)] * 8), trace(1, [(20, 20)] * 8, 5)], 16)
    assert timeline["periodMs"] == pytest.approx(40)
    assert timeline["bubbleRatio"] == pytest.approx(1 - 50 / 80)
    assert timeline["throughputPerSecond"] == pytest.approx(400)


def test_a_slow_moment_is_not_work() -> None:
    """One iteration four times as long, as on a busy machine: the others tell what share is idle."""
    calm, slow = (36.0, 4.0), (144.0, 16.0)
    iterations = [calm] * 4 + [slow] + [calm] * 3
    timeline = assemble([trace(0, iterations), trace(1, iterations, 1)], 16)
    assert timeline["periodMs"] == pytest.approx(40)
    assert timeline["bubbleRatio"] == pytest.approx(0.1)


@pytest.mark.parametrize("seed", range(50))
def test_idle_is_a_share(seed: int) -> None:
    random = Random(seed)
    count = random.randint(1, 12)
    ranks = [
        trace(rank, [(random.lognormvariate(2, 2), random.choice([0.0, random.random()])) for _ in range(count)], random.random())
        for rank in range(2)
    ]
    assert 0 <= assemble(ranks, 8)["bubbleRatio"] < 1
