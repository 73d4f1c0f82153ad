"""Random small linear programs: what hand-made problems have, and what real ones have only now and then."""

import numpy
from scipy import sparse

from lp.program import INFINITY, Program

SIZES = (1, 12)


def make(seed):
    """Free, boxed, fixed, ranged; degenerate; infeasible and unbounded by chance; empty rows and columns; most of them with an x that is feasible,
    a quarter badly scaled by powers of ten from 1e-8 to 1e8."""
    generator = numpy.random.default_rng(seed)
    rows, columns = generator.integers(SIZES[0], SIZES[1] + 1, size=2)
    matrix = generator.integers(-4, 5, size=(rows, columns)).astype(float)
    matrix[generator.random((rows, columns)) < generator.choice([0.2, 0.5, 0.8])] = 0.0
    if rows > 2 and generator.random() < 0.2:
        # A row twice, perhaps with other bounds.
        matrix[1] = matrix[0] * generator.choice([1.0, 2.0, -1.0])
    middle = generator.integers(-2, 3, size=columns) * (generator.random(columns) < 0.3)
    lower, upper = intervals(generator, columns, [0.45, 0.05, 0.05, 0.4, 0.05], middle)
    around = generator.integers(-6, 7, size=rows).astype(float)
    if generator.random() < 0.6:
        x = numpy.clip(generator.integers(-3, 4, size=columns).astype(float), lower, upper)
        around = matrix @ x
    degenerate = generator.random() < 0.3
    row_lower, row_upper = intervals(generator, rows, [0.3, 0.3, 0.05, 0.15, 0.2], around, degenerate)
    costs = generator.integers(-5, 6, size=columns).astype(float)
    costs[generator.random(columns) < 0.2] = 0.0
    if generator.random() < 0.5:
        # Hardly ever unbounded.
        costs = numpy.abs(costs)
    offset = float(generator.integers(-3, 4))
    if generator.random() < 0.25:
        # By powers of two near those of ten: the program stays the same, to the last bit.
        row_scale, column_scale = (2.0 ** generator.integers(-13, 14, size=size) for size in (rows, columns))
        matrix = row_scale[:, None] * matrix * column_scale
        row_lower, row_upper = row_lower * row_scale, row_upper * row_scale
        lower, upper, costs = lower / column_scale, upper / column_scale, costs * column_scale
    maximise = bool(generator.random() < 0.3)
    return Program(-costs if maximise else costs, lower, upper, row_lower, row_upper, sparse.csc_array(matrix), maximise, offset)


def intervals(generator, count, chances, around, tight=False):
    """Bounds at least, at most, free, between and equal, with these chances; whole numbers, `around` among them or on a bound (tight)."""
    kind = generator.choice(5, count, p=chances)
    room = numpy.zeros((2, count)) if tight else generator.integers(0, 6, size=(2, count)).astype(float)
    room[:, kind == 4] = 0.0
    lower = numpy.where((kind == 1) | (kind == 2), -INFINITY, around - room[0] * (generator.random(count) < 0.5))
    upper = numpy.where((kind == 0) | (kind == 2), INFINITY, around + room[1])
    if tight:
        # Boxes keep some width, or all would be equal.
        upper = numpy.where(kind == 3, upper + 1.0, upper)
    return lower, numpy.maximum(lower, upper)
