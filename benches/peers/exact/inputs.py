"""The problems, made from a seed, and their files.

All begin with r = numpy.random.default_rng(0). Shapes: x (n, d), y (m, d), costs (n, m), a (n,), b (m,); a batch has one
more axis in front.

- clouds: x = r.standard_normal((n, d)); y = r.standard_normal((m, d)) + 1; costs |x_i - y_j|^2
- uniform: costs r.random((n, m))
- integers: costs r.integers(0, 101, (n, m)), as float64
- low-rank: costs u v^T, u = r.random((n, 5)), v = r.random((m, 5))
- metric: costs |x_i - y_j|, x and y clouds of 5 dimensions
- random weights: a = r.random(n), b = r.random(m), drawn after the rest and divided by their sums
"""

from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist


class Problem:
    """Points (None where costs are given), weights (None for uniform ones), and costs, computed when first asked for."""

    def __init__(self, points=None, costs=None, weights=None):
        self.points = points
        self.weights = weights
        if costs is not None:
            self.costs = costs

    @cached_property
    def costs(self):
        """float64, (n, m): the same matrix for everyone."""
        return cdist(*self.points, "sqeuclidean")

    def masses(self):
        """The weights, uniform ones written out."""
        if self.weights is not None:
            return self.weights
        return tuple(np.full(count, 1 / count) for count in self.costs.shape)

    def save(self, folder, what):
        """Writes what the command reads: `what` is "points" or "matrix"."""
        folder = Path(folder)
        if what == "points":
            np.save(folder / "x.npy", self.points[0])
            np.save(folder / "y.npy", self.points[1])
        else:
            np.save(folder / "costs.npy", self.costs)
        if self.weights is not None:
            np.save(folder / "a.npy", self.weights[0])
            np.save(folder / "b.npy", self.weights[1])


class Batch:
    """Problems of equal size that are solved in one call."""

    def __init__(self, problems):
        self.problems = problems

    def save(self, folder, _what):
        """costs.npy (count, n, m), and a.npy (count, n) and b.npy (count, m) unless the weights are uniform."""
        folder = Path(folder)
        np.save(folder / "costs.npy", np.stack([problem.costs for problem in self.problems]))
        if self.problems[0].weights is not None:
            np.save(folder / "a.npy", np.stack([problem.weights[0] for problem in self.problems]))
            np.save(folder / "b.npy", np.stack([problem.weights[1] for problem in self.problems]))


def clouds(r, n, m, d, weights):
    """Two normal clouds, one unit apart in every coordinate."""
    points = r.standard_normal((n, d)), r.standard_normal((m, d)) + 1
    return Problem(points=points, weights=masses(r, n, m, weights))


def matrices(r, n, m, kind, weights):
    """A cost matrix without points that the solver could see."""
    if kind == "uniform":
        costs = r.random((n, m))
    elif kind == "integers":
        costs = r.integers(0, 101, (n, m)).astype(np.float64)
    elif kind == "low-rank":
        costs = r.random((n, 5)) @ r.random((m, 5)).T
    elif kind == "metric":
        costs = cdist(r.standard_normal((n, 5)), r.standard_normal((m, 5)) + 1, "euclidean")
    else:
        raise ValueError(f"no kind of matrix is called {kind}")
    return Problem(costs=costs, weights=masses(r, n, m, weights))


def masses(r, n, m, weights):
    """Random weights that sum to one, or None for uniform ones."""
    if weights == "uniform":
        return None
    a, b = r.random(n), r.random(m)
    return a / a.sum(), b / b.sum()


def problem(case):
    """What a case solves."""
    r = np.random.default_rng(0)
    n, m = case.size
    if case.suite == "matrices":
        return matrices(r, n, m, case.kind, case.weights)
    if case.suite == "batch":
        return Batch([clouds(r, n, m, case.dimension, case.weights) for _ in range(case.problems)])
    return clouds(r, n, m, case.dimension, case.weights)
