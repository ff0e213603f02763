"""A program that would hang or cannot be run is refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diffusionpipe_trainer.errors import UserError
from diffusionpipe_trainer.layers import Component
from diffusionpipe_trainer.program import parse_program, read_program
from programs import Json, Recipe, compile_program


@pytest.fixture
def document(components: dict[str, Component]) -> Json:
    return compile_program(Recipe(cuts=(10,), microbatches=4), components)


def test_a_program_is_read(document: Json, tmp_path: Path) -> None:
    file = tmp_path / "a.program.json"
    file.write_text(json.dumps(document))
    program = read_program(file)
    assert program.samples_of(0, 3) == (6, 8)
    assert [o.op for o in program.ranks[1].operations][-1] == "OPTIM"


def test_a_missing_receive_is_refused(document: Json) -> None:
    operations = document["ranks"][1]["operations"]
    operations.remove(next(o for o in operations if o["op"] == "RECV"))
    with pytest.raises(UserError, match="forward from rank 0 to 1 differ"):
        parse_program(document)


def test_receives_in_another_order_are_refused(document: Json) -> None:
    operations = document["ranks"][1]["operations"]
    first, second = [i for i, o in enumerate(operations) if o["op"] == "RECV"][:2]
    operations[first], operations[second] = operations[second], operations[first]
    with pytest.raises(UserError, match="differ"):
        parse_program(document)


@pytest.mark.parametrize(("change", "message"), [
    (lambda d: d.update(format="other"), "format"),
    (lambda d: d.update(worldSize=3), "ranks"),
    (lambda d: d["batch"].update({"global": 9}), "batch"),
    (lambda d: d["training"].update(precision="fp16"), "precision"),
    (lambda d: d.pop("chains"), "chains"),
    (lambda d: d["ranks"][0]["operations"][0].update(op="SELF_COND"), r"ranks\[0\].operations\[0\].op"),
])
def test_errors_name_the_field(document: Json, change: object, message: str) -> None:
    change(document)
    with pytest.raises(UserError, match=message):
        parse_program(document)
