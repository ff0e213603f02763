"""A folder of captioned images: `metadata.jsonl` with one {"file_name", "text"} a line."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from transformers import CLIPTokenizer

from .errors import UserError
from .randomness import integers, permutation

METADATA = "metadata.jsonl"
_LONGEST_LINE = 65536


@dataclass(frozen=True)
class CaptionedImage:
    """One entry; `line` is its line in the metadata file, from 1."""

    file: Path
    text: str
    line: int


def read_metadata(folder: Path) -> list[CaptionedImage]:
    """Entries in file order. Raises UserError naming the file and the line."""
    metadata = folder / METADATA
    entries: list[CaptionedImage] = []
    try:
        with metadata.open(encoding="utf-8") as lines:
            for number, text in enumerate(lines, start=1):
                if text.strip():
                    entries.append(_entry(folder, metadata, number, text))
    except OSError as error:
        raise UserError(f"Cannot be read: {error.strerror}.", metadata) from error
    if not entries:
        raise UserError("There are no images.", metadata)
    return entries


def _entry(folder: Path, metadata: Path, number: int, text: str) -> CaptionedImage:
    line = f"line {number}"
    if len(text) > _LONGEST_LINE:
        raise UserError(f"Longer than {_LONGEST_LINE} characters.", metadata, line)
    try:
        entry = json.loads(text)
    except ValueError as error:
        raise UserError(f"Not JSON: {error}.", metadata, line) from error
    if not isinstance(entry, dict):
        raise UserError("Not a JSON object.", metadata, line)
    for key in ("file_name", "text"):
        if not isinstance(entry.get(key), str):
            raise UserError(f"{key!r} must be a string.", metadata, line)
    file = (folder / entry["file_name"]).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise UserError(f"{entry['file_name']!r} is outside the data folder.", metadata, line)
    if not file.is_file():
        raise UserError(f"There is no image {entry['file_name']!r}.", metadata, line)
    return CaptionedImage(file, entry["text"], number)


class ImageData:
    """Pixels and tokens of any samples of any step, read ahead in one background thread.

    Sample s of step n is entry `permutation(epoch)[p % length]` with p = n * global batch + s, epoch = p // length.
    """

    def __init__(
        self, folder: Path, tokenizer: CLIPTokenizer, *, sequence_length: int, resolution: int, global_batch: int,
        seed: int, random_flip: bool,
    ) -> None:
        self.entries = read_metadata(folder)
        self._metadata = folder / METADATA
        self._tokenizer = tokenizer
        self.sequence_length = sequence_length
        self._resolution = resolution
        self._global_batch = global_batch
        self._seed = seed
        self._random_flip = random_flip
        self._order = lru_cache(maxsize=4)(lambda epoch: permutation(seed, epoch, len(self.entries)))
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read images")
        self._ahead: dict[tuple[int, int, int], Future[Tensor]] = {}

    def entry(self, step: int, sample: int) -> CaptionedImage:
        """The entry that is sample `sample` of the global batch of step `step`."""
        position = step * self._global_batch + sample
        return self.entries[self._order(position // len(self.entries))[position % len(self.entries)]]

    def read_ahead(self, step: int, samples: tuple[int, int]) -> None:
        """Start reading images that `pixels` will be asked for."""
        key = (step, *samples)
        if key not in self._ahead:
            self._ahead[key] = self._reader.submit(self._read, step, samples)

    def pixels(self, step: int, samples: tuple[int, int]) -> Tensor:
        """Images [a, b) of the global batch, (b - a, 3, resolution, resolution), float32 in [-1, 1]."""
        ahead = self._ahead.pop((step, *samples), None)
        return ahead.result() if ahead is not None else self._read(step, samples)

    def token_ids(self, step: int, samples: tuple[int, int]) -> Tensor:
        """Captions [a, b) of the global batch, padded, (b - a, sequence length), int64."""
        texts = [self.entry(step, s).text for s in range(*samples)]
        encoded = self._tokenizer(
            texts, padding="max_length", truncation=True, max_length=self.sequence_length, return_tensors="pt"
        )
        return encoded.input_ids

    def _read(self, step: int, samples: tuple[int, int]) -> Tensor:
        images = [self._image(self.entry(step, s)) for s in range(*samples)]
        if self._random_flip:
            coins = integers(self._seed, step, range(*samples), "flip", 2)
            images = [image.flip(-1) if coin else image for image, coin in zip(images, coins.tolist(), strict=True)]
        return torch.stack(images)

    def _image(self, entry: CaptionedImage) -> Tensor:
        try:
            with Image.open(entry.file) as image:
                return _to_tensor(image.convert("RGB"), self._resolution)
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise UserError(f"{entry.file.name!r} is not a readable image: {error}", self._metadata,
                            f"line {entry.line}") from error


def _to_tensor(image: Image.Image, resolution: int) -> Tensor:
    """Centre square of an image, resized, (3, resolution, resolution) in [-1, 1]."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    if side != resolution:
        square = square.resize((resolution, resolution), Image.Resampling.LANCZOS)
    values = torch.from_numpy(numpy.asarray(square, dtype=numpy.float32).copy())
    return (values / 127.5 - 1.0).permute(2, 0, 1)
