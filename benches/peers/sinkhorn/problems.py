"""The problems, made from a seed, and their files.

`r = numpy.random.default_rng(seed)`; the draws are in the order in which they stand here. Costs are squared Euclidean
distances, |x_i - y_j|^2, and epsilon is a fraction of their median over all pairs of points, those without mass included
(over the first 4096 points of each side where there are more).

| name | seed | points, both (n, d) | weights |
| --- | --- | --- | --- |
| clouds | 0 | x = r.standard_normal((n, d)); y = r.standard_normal((n, d)) + 1 | uniform |
| P1 | 1 | the same, d = 2 | uniform |
| P2 | 2 | the same, d = 64 | uniform |
| P3 | 3 | x: two moons; y: two circles (below) | uniform |
| P4 | - | x = y: the pixels of a 28 x 28 image, (row, column) / 28, row by row: n = 784 | a, b: the grey values of two images, divided by their sums. Pixels of value zero keep weight zero |
| P4-floor | - | the same | the same with 1 added to every grey value (0 to 255) before |
| P5 | 5 | as P1 | a = 10^(-6 r.random(n)), then b = 10^(-6 r.random(n)), divided by their sums: six orders of magnitude |

- moons: k = n // 2, s = pi r.random(n); the first k points (cos s, sin s), the others (1 - cos s, 1/2 - sin s); then
  0.05 r.standard_normal((n, 2)) is added.
- circles, after the moons: s = 2 pi r.random(n); the first k points at radius 1, the others at radius 1/2:
  radius (cos s, sin s); then 0.05 r.standard_normal((n, 2)) is added.
- images: the first T-shirt and the first ankle boot of Fashion-MNIST's training images (labels 0 and 9), from
  `fashion-mnist/train-2000-*` in the folder that `BRENIER_DATA` names, else in `../shared/data` beside the checkout. Where
  they are not there, P4 is left out, and said to be.

Weights zero are valid: such a pixel carries no mass, whatever its potential is.
"""

import gzip
import os
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

# Points of each side whose costs the median is taken of.
MEDIAN_OF = 4096

ROOT = Path(__file__).resolve().parents[3]


class Missing(Exception):
    """The data of a problem are not on this machine."""


class Problem:
    """Points, weights (None for uniform ones), and costs, computed when first asked for."""

    def __init__(self, x, y, a=None, b=None):
        self.x, self.y = np.ascontiguousarray(x), np.ascontiguousarray(y)
        self.a, self.b = a, b

    @cached_property
    def costs(self):
        """float64, (n, m): differences, not norms minus products."""
        return cdist(self.x, self.y, "sqeuclidean")

    @cached_property
    def median_cost(self):
        return float(np.median(cdist(self.x[:MEDIAN_OF], self.y[:MEDIAN_OF], "sqeuclidean")))

    def masses(self):
        """The weights, uniform ones written out."""
        uniform = [np.full(len(points), 1 / len(points)) for points in (self.x, self.y)]
        return tuple(uniform if self.a is None else (self.a, self.b))

    def save(self, folder, precision, with_costs):
        """Writes x.npy and y.npy, a.npy and b.npy unless the weights are uniform, costs.npy where asked for."""
        element = {"f32": np.float32, "f64": np.float64}[precision]
        arrays = {"x": self.x, "y": self.y}
        if self.a is not None:
            arrays |= {"a": self.a, "b": self.b}
        if with_costs:
            arrays["costs"] = self.costs
        for name, array in arrays.items():
            np.save(Path(folder) / f"{name}.npy", array.astype(element))


def problem(name, n, d=2):
    """A problem of the table above."""
    if name in ("P4", "P4-floor"):
        return images(floor=1 if name == "P4-floor" else 0)
    r = np.random.default_rng(0 if name == "clouds" else int(name[1]))
    if name == "P3":
        return Problem(moons(r, n), circles(r, n))
    if name == "P2":
        d = 64
    x, y = r.standard_normal((n, d)), r.standard_normal((n, d)) + 1
    if name != "P5":
        return Problem(x, y)
    a, b = 10 ** (-6 * r.random(n)), 10 ** (-6 * r.random(n))
    return Problem(x, y, a / a.sum(), b / b.sum())


def moons(r, n):
    angle, first = np.pi * r.random(n), np.arange(n) < n // 2
    x = np.where(first, np.cos(angle), 1 - np.cos(angle))
    y = np.where(first, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1) + 0.05 * r.standard_normal((n, 2))


def circles(r, n):
    angle, radius = 2 * np.pi * r.random(n), np.where(np.arange(n) < n // 2, 1.0, 0.5)
    circle = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return circle + 0.05 * r.standard_normal((n, 2))


def images(floor):
    folder = Path(os.environ.get("BRENIER_DATA", ROOT.parent / "shared" / "data")) / "fashion-mnist"
    pixels = read_idx(folder / "train-2000-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    labels = read_idx(folder / "train-2000-labels-idx1-ubyte.gz", 8)
    shirt, boot = (pixels[np.flatnonzero(labels == label)[0]].astype(np.float64) + floor for label in (0, 9))
    row, column = np.divmod(np.arange(784), 28)
    grid = np.stack([row, column], axis=1) / 28
    return Problem(grid, grid, shirt / shirt.sum(), boot / boot.sum())


def read_idx(path, header):
    """The bytes of an IDX file after its header."""
    if not path.is_file():
        raise Missing(f"{path} is not there")
    return np.frombuffer(gzip.open(path).read(), np.uint8, offset=header)
