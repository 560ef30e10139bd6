"""Strokes for tests: every shape, drawn by a seeded generator."""

from __future__ import annotations

import hashlib

import numpy as np

from drumstudio.core.raster import Raster
from drumstudio.core.stems import Split
from drumstudio.core.strokes import Cells, Path, Polygon, Stroke, rectangle
from drumstudio.core.tiles import Grid

TARGETS = ("drums", "rest", "erase")


def a_grid(seconds=3.0, sample_rate=8_000, channels=2) -> Grid:
    return Grid(sample_rate, channels, round(seconds * sample_rate))


def split(drums: str) -> Split:
    """Return drums of a content and what they leave."""
    return Split((("drums", drums),), "rest", "drums")


def a_path(points, radius=(0.05, 200.0), hardness=0.5) -> Path:
    points = [(*point, 1.0)[:3] for point in points]
    return Path(np.array(points, dtype=np.float64), *radius, hardness)


def a_shape(generator: np.random.Generator, grid: Grid, kinds=("path", "polygon", "cells")):
    seconds, nyquist = grid.samples / grid.sample_rate, grid.sample_rate / 2
    size = np.array([seconds, nyquist])
    kind = generator.choice(kinds)
    if kind == "path":
        start = generator.random(2) * size
        steps = generator.normal(size=(generator.integers(1, 8), 2)) * size * 0.03
        places = start + np.cumsum(steps, axis=0)
        points = np.column_stack([places, generator.random(len(places))])
        radius = generator.uniform(0.01, 0.15), generator.uniform(20, 800)
        return Path(points, *radius, float(generator.choice([0.0, 0.5, 1.0])))
    if kind == "polygon":
        corners = generator.random(2) * size + generator.normal(size=(5, 2)) * size * 0.1
        feather = (0.0, 0.0) if generator.random() < 0.5 else (0.03, 150.0)
        return Polygon(corners, *feather)
    frames = np.sort(generator.choice(grid.frames, size=6, replace=False))
    starts = generator.integers(0, grid.bins - 1, 6)
    counts = np.minimum(generator.integers(1, 60, 6), grid.bins - starts)
    runs = np.column_stack([frames, starts, counts]).astype(np.int32)
    return Cells(runs, generator.random(counts.sum()).astype(np.float16))


def a_stroke(generator: np.random.Generator, grid: Grid, targets=TARGETS) -> Stroke:
    return Stroke(
        str(generator.choice(targets)),
        a_shape(generator, grid),
        float(generator.choice([0.25, 0.5, 0.9, 1.0])),
        str(generator.choice(["both", "both", "left", "right"])),
    )


def rasters(strokes, grid: Grid) -> tuple[Raster, ...]:
    """Return strokes on a grid, each with a name of its own."""
    return tuple(
        Raster(stroke, grid, hashlib.sha256(f"{number} {id(stroke)}".encode()).hexdigest())
        for number, stroke in enumerate(strokes)
    )


def everything(grid: Grid, target: str = "drums", strength: float = 1.0) -> Stroke:
    """Return a stroke that paints every cell."""
    area = rectangle(-1.0, grid.samples / grid.sample_rate + 1, -100.0, grid.sample_rate)
    return Stroke(target, area, strength)


def whole(raster: Raster) -> np.ndarray:
    """Return a stroke's weights on all cells, (frames, bins), put together from all tiles."""
    grid = raster.grid
    out = np.full((grid.frames, grid.bins), np.nan, dtype=np.float32)
    for column in range(grid.columns):
        for row in range(grid.rows):
            place = slice(*grid.frame_range(column)), slice(*grid.bin_range(row))
            out[place] = raster.weights((column, row))
    assert not np.isnan(out).any()
    return out
