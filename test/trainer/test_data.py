"""Data and random numbers depend on (seed, step, sample), not on who asks for how many at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from conftest import load_draw
from diffusionpipe_trainer.data import ImageData, read_metadata
from diffusionpipe_trainer.errors import UserError
from diffusionpipe_trainer.model_folder import ModelFolder
from diffusionpipe_trainer.randomness import integers, normal
from PIL import Image


def images(model: Path, data: Path, **changes: object) -> ImageData:
    settings = {"sequence_length": 16, "resolution": 32, "global_batch": 6, "seed": 5, "random_flip": True, **changes}
    return ImageData(data, ModelFolder(model).tokenizer(), **settings)


def test_rows_do_not_depend_on_the_range_asked_for() -> None:
    whole = normal(1, 2, range(8), "noise", (4, 3))
    assert torch.equal(whole[3:5], normal(1, 2, range(3, 5), "noise", (4, 3)))
    assert not torch.equal(whole, normal(1, 3, range(8), "noise", (4, 3)))
    assert not torch.equal(whole[0], whole[1])
    assert torch.equal(integers(1, 2, range(8), "timestep", 1000)[6:], integers(1, 2, range(6, 8), "timestep", 1000))


def test_pixels_and_tokens_do_not_depend_on_the_range(model: Path, data: Path) -> None:
    source = images(model, data)
    source.read_ahead(4, (0, 6))
    whole = source.pixels(4, (0, 6))
    assert whole.shape == (6, 3, 32, 32) and whole.min() >= -1 and whole.max() <= 1
    assert torch.equal(whole[2:5], source.pixels(4, (2, 5)))
    assert torch.equal(source.token_ids(4, (0, 6))[2:5], source.token_ids(4, (2, 5)))


def test_every_epoch_has_every_image_once(model: Path, data: Path) -> None:
    source = images(model, data)
    lines = [source.entry(*divmod(position, 6)).line for position in range(48)]
    epochs = [lines[start : start + 16] for start in (0, 16, 32)]
    assert all(sorted(epoch) == list(range(1, 17)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_images_are_cut_in_the_middle(model: Path, tmp_path: Path) -> None:
    wide = Image.new("RGB", (96, 32), (0, 0, 255))
    wide.paste((255, 0, 0), (32, 0, 64, 32))
    wide.save(tmp_path / "wide.png")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "wide.png", "text": "red"}\n')
    pixels = images(model, tmp_path).pixels(0, (0, 1))[0]
    assert torch.equal(pixels, torch.tensor([1.0, -1.0, -1.0]).view(3, 1, 1).expand(3, 32, 32))


@pytest.mark.parametrize(("line", "message"), [
    ("{", "line 2: Not JSON"), ("[]", "line 2: Not a JSON object"), ('{"file_name": "0000.png"}', "line 2: 'text'"),
    ('{"file_name": "none.png", "text": ""}', "line 2: There is no image"),
    ('{"file_name": "../secret.png", "text": ""}', "line 2: .* outside"),
])
def test_errors_name_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "0000.png")
    good = json.dumps({"file_name": "0000.png", "text": "black"})
    (tmp_path / "metadata.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(UserError, match=rf"metadata\.jsonl: {message}"):
        read_metadata(tmp_path)


def test_an_unreadable_image_is_named(model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("not an image")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "bad.png", "text": ""}\n')
    with pytest.raises(UserError, match=r"metadata\.jsonl: line 1: 'bad\.png'"):
        images(model, tmp_path).pixels(0, (0, 1))


def test_drawing_is_a_function_of_the_seed(tmp_path: Path) -> None:
    draw = load_draw()
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        draw.draw_folder(folder, count=5, seed=seed)
    contents = [{f.name: f.read_bytes() for f in folder.iterdir()} for folder in folders]
    assert contents[0] == contents[1] != contents[2]
    assert len(contents[0]) == 6 and len(read_metadata(folders[0])) == 5
