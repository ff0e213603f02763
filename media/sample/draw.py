"""Draws the sample data: captioned images of coloured shapes, `images/` with `metadata.jsonl`. A function of the seed."""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 64
COLOURS = {
    "red": (214, 48, 49), "green": (46, 160, 67), "blue": (41, 98, 214), "yellow": (245, 205, 60),
    "purple": (132, 68, 190), "orange": (240, 135, 40),
}
SHAPES = ("circle", "square", "triangle", "star", "ring")
RADII = {"small": 11, "large": 23}
# Shapes are drawn this much larger and scaled down, for smooth edges.
_OVERSAMPLING = 4


def draw_image(shape: str, size: str, colour: str, background: str, centre: tuple[float, float]) -> Image.Image:
    """One shape on a plain background; `centre` in pixels of the final image."""
    side = SIDE * _OVERSAMPLING
    image = Image.new("RGB", (side, side), COLOURS[background])
    draw = ImageDraw.Draw(image)
    x, y, radius = (value * _OVERSAMPLING for value in (*centre, RADII[size]))
    box = (x - radius, y - radius, x + radius, y + radius)
    fill = COLOURS[colour]
    if shape == "circle":
        draw.ellipse(box, fill=fill)
    elif shape == "square":
        draw.rectangle(box, fill=fill)
    elif shape == "ring":
        draw.ellipse(box, outline=fill, width=round(radius * 0.4))
    else:
        draw.polygon(_corners(x, y, radius, star=shape == "star"), fill=fill)
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def _corners(x: float, y: float, radius: float, *, star: bool) -> list[tuple[float, float]]:
    """Corners of a triangle, or of a star of five points, the first one on top."""
    count = 10 if star else 3
    radii = [radius * 0.42 if star and i % 2 else radius for i in range(count)]
    angles = [-math.pi / 2 + 2 * math.pi * i / count for i in range(count)]
    return [(x + r * math.cos(a), y + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


def draw_folder(target: Path, count: int, seed: int) -> None:
    """Draw `count` images into `target`, which appears whole; an older one is replaced."""
    choose = random.Random(seed)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with (temporary / "metadata.jsonl").open("w", encoding="utf-8") as metadata:
            for number in range(count):
                colour, background = choose.sample(sorted(COLOURS), 2)
                shape, size = choose.choice(SHAPES), choose.choice(sorted(RADII))
                margin = RADII[size] + 2
                centre = (choose.uniform(margin, SIDE - margin), choose.uniform(margin, SIDE - margin))
                name = f"{number:04d}.png"
                draw_image(shape, size, colour, background, centre).save(temporary / name)
                text = f"a {size} {colour} {shape} on {_article(background)} {background} background"
                metadata.write(json.dumps({"file_name": name, "text": text}) + "\n")
        shutil.rmtree(target, ignore_errors=True)
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--count", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw_folder(options.out, options.count, options.seed)
    print(f"{options.count} images in {options.out}")


if __name__ == "__main__":
    main()
