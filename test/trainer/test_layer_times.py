"""What is made of the durations that were timed."""

from __future__ import annotations

from random import Random
from statistics import median

import pytest
from diffusionpipe_trainer.layer_times import half_width, hold_up


def test_hold_up_is_what_sums_take_beyond_medians() -> None:
    """Every tenth duration half as long again, whichever layer it meets: a sum of medians times it is what passes take."""
    random = Random(1)
    layers = [[base * (1.5 if random.random() < 0.1 else 1.0) for _ in range(40)] for base in (1.0, 2.0, 7.0) for _ in range(20)]
    passes = [sum(layer[one] for layer in layers) for one in range(40)]
    predicted = sum(median(layer) for layer in layers) * hold_up(layers)
    assert predicted == pytest.approx(sum(passes) / len(passes))
    assert hold_up(layers) == pytest.approx(1.05, abs=0.01)


def test_hold_up_of_even_or_few_durations() -> None:
    assert hold_up([[3.0, 3.0, 3.0], []]) == 1
    assert hold_up([]) == 1
    # One stop a hundred times as long counts as twice the median.
    assert hold_up([[1.0, 1.0, 1.0, 1.0, 100.0]]) == pytest.approx(1.2)


def test_half_width_covers_the_median() -> None:
    random = Random(2)
    covered = 0
    for _ in range(300):
        values = [random.gauss(10, 1) for _ in range(31)]
        covered += abs(median(values) - 10) <= 2 * half_width(values)
    assert covered >= 285
