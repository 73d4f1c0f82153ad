"""Larger linear programs of our own making, each kind from a seed. All have an optimum."""

import numpy
from scipy import sparse

from lp.program import INFINITY, Program


def random_sparse(generator, rows, columns, entries):
    """A sparse matrix with `entries` in each column; rows of all kinds, some columns boxed, some free.

    Made around a pair of x and y that is optimal: where a bound is active the reduced cost or dual has its sign. The entries of a column are near
    each other, but one in fifty is anywhere: if all were, no order of elimination would keep the factors of the basis sparse, and what would be timed
    is elimination of dense matrices.
    """
    centres = numpy.repeat(generator.integers(rows, size=columns), entries)
    places = (centres + generator.integers(-20, 21, size=len(centres))) % rows
    anywhere = generator.random(len(places)) < 0.02
    places[anywhere] = generator.integers(rows, size=anywhere.sum())
    values = numpy.round(generator.normal(size=columns * entries), 3)
    starts = numpy.repeat(numpy.arange(columns), entries)
    matrix = sparse.coo_array((values, (places, starts)), (rows, columns)).tocsc()
    kind = generator.choice(4, columns, p=[0.4, 0.4, 0.15, 0.05])  # at 0, above 0, at an upper bound, free
    upper = numpy.where(kind == 2, 1.0 + generator.integers(5, size=columns), INFINITY)
    lower = numpy.where(kind == 3, -INFINITY, 0.0)
    x = numpy.select([kind == 0, kind == 2], [0.0, upper], generator.integers(1, 10, size=columns))
    reduced = numpy.select([kind == 0, kind == 2], [1.0, -1.0], 0.0) * generator.integers(1, 10, size=columns)
    activity = matrix @ x
    side = generator.choice(3, rows, p=[0.3, 0.5, 0.2])  # equality, at its lower bound, between bounds
    duals = numpy.select([side == 0, side == 1], [generator.normal(size=rows), generator.uniform(0, 2, rows)], 0.0)
    return Program(
        costs=matrix.T @ duals + reduced,
        lower=lower,
        upper=upper,
        row_lower=numpy.where(side == 2, activity - generator.uniform(1, 5, rows), activity),
        row_upper=numpy.select([side == 0, side == 1], [activity, INFINITY], activity + 3.0),
        matrix=matrix,
    )


def transport(generator, sources, targets):
    """Mass from points to points in the square for the squared distance, whole amounts, every equality kept."""
    a, b = generator.random((sources, 2)), generator.random((targets, 2))
    costs = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2).ravel()
    supply = generator.integers(1, 20, size=sources).astype(float)
    demand = numpy.full(targets, supply.sum() / targets)
    return shipping(costs, supply, demand)


def assignment(generator, size):
    """People to tasks for whole costs from 1 to 20: so many ties that every basis is degenerate and many are optimal."""
    return shipping(generator.integers(1, 21, size=size * size).astype(float), numpy.ones(size), numpy.ones(size))


def shipping(costs, supply, demand):
    sources, targets = len(supply), len(demand)
    columns = numpy.arange(sources * targets)
    rows = numpy.concatenate([columns // targets, sources + columns % targets])
    matrix = sparse.coo_array((numpy.ones(2 * len(columns)), (rows, numpy.tile(columns, 2)))).tocsc()
    amounts = numpy.concatenate([supply, demand])
    zeros = numpy.zeros(len(costs))
    return Program(costs, zeros, zeros + INFINITY, amounts, amounts, matrix)


def multicommodity(generator, nodes, arcs, commodities):
    """Commodities through one network whose arcs they share; what does not fit goes by an expensive way of its own."""
    tails = generator.integers(nodes, size=arcs)
    heads = (tails + generator.integers(1, nodes, size=arcs)) % nodes
    capacity = generator.integers(5, 30, size=arcs).astype(float)
    arc_costs = generator.integers(1, 50, size=arcs).astype(float)
    ends = numpy.array([generator.choice(nodes, 2, replace=False) for _ in range(commodities)])
    amounts = generator.integers(1, 12, size=commodities).astype(float)
    entries, costs = [], []
    balance = numpy.zeros(nodes * commodities)
    for commodity, ((start, end), amount) in enumerate(zip(ends, amounts)):
        first = commodity * nodes
        balance[first + start], balance[first + end] = amount, -amount
        for arc in range(arcs):
            column = len(costs)
            entries += [(first + tails[arc], column, 1.0), (first + heads[arc], column, -1.0)]
            entries.append((commodities * nodes + arc, column, 1.0))
            costs.append(arc_costs[arc])
        column = len(costs)
        entries += [(first + start, column, 1.0), (first + end, column, -1.0)]
        costs.append(1000.0)
    rows = commodities * nodes + arcs
    zeros = numpy.zeros(len(costs))
    return Program(
        costs=numpy.array(costs),
        lower=zeros,
        upper=zeros + INFINITY,
        row_lower=numpy.concatenate([balance, numpy.full(arcs, -INFINITY)]),
        row_upper=numpy.concatenate([balance, capacity]),
        matrix=from_entries(entries, rows, len(costs)),
    )


def staircase(generator, periods, products, machines):
    """Production over periods: each product is made in some ways on machines with limited hours, kept in stock, or bought dearly."""
    entries, costs, upper = [], [], []
    demand = generator.integers(0, 20, size=(periods, products)).astype(float)
    ways = [(product, way) for product in range(products) for way in range(2)]
    hours = {key: generator.choice(machines, 3, replace=False) for key in ways}
    effort = {key: numpy.round(generator.uniform(0.5, 3.0, 3), 2) for key in ways}
    price = {key: float(generator.integers(5, 15)) for key in ways}
    each = products + machines

    def add(cost, bound, *places):
        entries.extend((row, len(costs), value) for row, value in places)
        costs.append(cost)
        upper.append(bound)

    for period in range(periods):
        first = period * each
        season = 1.0 + 0.3 * numpy.sin(period / 4.0)
        for product, way in ways:
            uses = zip(hours[product, way], effort[product, way])
            used = [(first + products + machine, value) for machine, value in uses]
            add(round(price[product, way] * season, 2), INFINITY, (first + product, 1.0), *used)
        for product in range(products):
            add(100.0, INFINITY, (first + product, 1.0))
            if period + 1 < periods:
                add(1.0 + 0.1 * product, 40.0, (first + product, -1.0), (first + each + product, 1.0))
    limits = numpy.full(machines, 15.0 * products / machines)
    return Program(
        costs=numpy.array(costs),
        lower=numpy.zeros(len(costs)),
        upper=numpy.array(upper),
        row_lower=numpy.concatenate([[*period, *numpy.full(machines, -INFINITY)] for period in demand]),
        row_upper=numpy.concatenate([[*period, *limits] for period in demand]),
        matrix=from_entries(entries, periods * each, len(costs)),
    )


def covering(generator, elements, sets, entries):
    """The cheapest sets, or parts of them, that cover every element at least once."""
    places = generator.integers(elements, size=(sets, entries))
    # Every element is in a set.
    places[: elements // entries + 1] = numpy.resize(generator.permutation(elements), (elements // entries + 1, entries))
    chosen = sorted({(int(place), column) for column, row in enumerate(places) for place in row})
    return Program(
        costs=generator.integers(1, 100, size=sets).astype(float),
        lower=numpy.zeros(sets),
        upper=numpy.ones(sets),
        row_lower=numpy.ones(elements),
        row_upper=numpy.full(elements, INFINITY),
        matrix=from_entries([(row, column, 1.0) for row, column in chosen], elements, sets),
    )


def from_entries(entries, rows, columns):
    places, starts, values = zip(*entries)
    return sparse.coo_array((values, (places, starts)), (rows, columns)).tocsc()


# Name, what makes it, its arguments, and those of --quick.
KINDS = {
    "random-sparse": (random_sparse, (10_000, 15_000, 4), (200, 300, 4)),
    "transport": (transport, (300, 300), (20, 20)),
    "multicommodity": (multicommodity, (100, 600, 100), (10, 30, 5)),
    "staircase": (staircase, (250, 25, 15), (10, 5, 4)),
    "assignment": (assignment, (200,), (20,)),
    "covering": (covering, (10_000, 20_000, 6), (100, 200, 4)),
}


def make(name, seed, quick):
    """A program of a kind: the same for the same seed."""
    maker, full, small = KINDS[name]
    # A generator for each kind: adding one does not change the others.
    return maker(numpy.random.default_rng([seed, list(KINDS).index(name)]), *(small if quick else full))
