"""What is run, and what is required of it.

| suite | cases | required of ours |
| --- | --- | --- |
| iterations | 100 iterations from zero potentials, epsilon 0.05 of the median cost. `points-2`: n = 1024, 4096, 8192, 16384; `points-64`: 1024, 4096; `dense` (the matrix of `points-2` is given): 512, 1024, 2048, 4096; each in f32 and f64 | per iteration. points-2, f32: 2.5e9 pairs/s a thread, 1.8 times that on 2; 5 times faster than the best peer at 1024, 8 times from 4096 on; 40 times POT's log-domain solver at 4096. points-64, f32: 3 times. dense: 3 times up to 2048, 5 times at 4096; in f64 faster than POT's kernel, too |
| tolerance | f64, until the L1 error of the marginals is 1e-6: P1, P2, P3, P5 at n = 1000, 4000; P4, P4-floor at their 784 pixels; epsilon .05, .01, .005, .001 of the median cost | passes: 40 at 4000, 100 below. 5 times faster than the best log-domain peer at .05, 20 times at .005 and below; never more than 10% slower than our plain method |
"""

from dataclasses import dataclass

from sinkhorn.loops import DENSE, LOOPS, SERIAL
from sinkhorn.solvers import LOG_DOMAIN, SOLVERS

SUITES = ["iterations", "tolerance"]

SIZES = {
    "points-2": [1024, 4096, 8192, 16384],
    "points-64": [1024, 4096],
    "dense": [512, 1024, 2048, 4096],
    "P1": [1000, 4000],
    "P2": [1000, 4000],
    "P3": [1000, 4000],
    "P4": [784],
    "P4-floor": [784],
    "P5": [1000, 4000],
}

KINDS = {"iterations": ["points-2", "points-64", "dense"], "tolerance": ["P1", "P2", "P3", "P4", "P4-floor", "P5"]}

# Instead of the sizes above, but for the images, which have one size.
QUICK_SIZES = {"iterations": [256], "tolerance": [200]}

EPSILONS = {"iterations": [0.05], "tolerance": [0.05, 0.01, 0.005, 0.001]}
QUICK_EPSILONS = [0.05, 0.01]

# The L1 error of both marginals together.
TOLERANCE = 1e-6

# Iterations of the suite iterations, and the seconds that a peer's call may take: slow ones run fewer.
ITERATIONS = 100
BUDGET = 1.0

# What NumPy allocates for n x n numbers at each step is too slow beyond, and matrices of floats are too large.
LARGEST_POT = 4096
LARGEST_DENSE = 8192


@dataclass(frozen=True)
class Case:
    """One problem with one epsilon, in one precision."""

    suite: str
    kind: str
    n: int
    epsilon: float  # of the median cost
    precision: str

    @property
    def problem(self):
        """What problems.problem is asked for: a name, n and d."""
        if self.suite == "tolerance":
            return self.kind, self.n
        return "clouds", self.n, 64 if self.kind == "points-64" else 2

    @property
    def given(self):
        """What ours is given in the suite iterations."""
        return "costs" if self.kind == "dense" else "points"

    @property
    def name(self):
        return f"{self.suite} {self.kind} n={self.n} eps={self.epsilon:g} {self.precision}"


@dataclass(frozen=True)
class Requirement:
    """A lower or upper bound on what `tables.measures` calls `measure`."""

    measure: str
    bound: float
    text: str
    at_most: bool = False

    def met(self, value):
        return value <= self.bound if self.at_most else value >= self.bound


def cases(suite, chosen):
    """The cases of a suite; those of one problem together, from large epsilon to small."""
    precisions = [name for name in chosen.precisions if suite == "iterations" or name == "f64"]
    for kind in KINDS[suite]:
        sizes = SIZES[kind]
        if not kind.startswith("P4"):
            sizes = chosen.sizes or (QUICK_SIZES[suite] if chosen.quick else sizes)
        epsilons = EPSILONS[suite] if suite == "iterations" or not chosen.quick else QUICK_EPSILONS
        if suite == "tolerance" and chosen.epsilons:
            epsilons = sorted(chosen.epsilons, reverse=True)
        for n in sizes:
            for precision in precisions:
                for epsilon in epsilons:
                    case = Case(suite, kind, n, epsilon, precision)
                    if not chosen.only or chosen.only.search(case.name):
                        yield case


def peers(case, chosen, threads, first):
    """Who is timed beside ours on so many threads. What has one thread is measured with the first number of threads."""
    if case.suite == "tolerance":
        return [name for name in SOLVERS if name in chosen.peers]
    return [name for name in LOOPS if name in chosen.peers and suits(name, case) and (name not in SERIAL or first)]


def suits(name, case):
    """Whether a peer's loop is run for a case."""
    if name.startswith("pot"):
        kernel_asked_for = case.precision == "f64" and case.kind == "dense"
        return case.n <= LARGEST_POT and (name != "pot-kernel" or kernel_asked_for)
    if name in DENSE:
        return case.n <= LARGEST_DENSE
    return case.kind != "dense"


def rivals(case):
    """The peers among which the best is looked for."""
    return LOG_DOMAIN if case.suite == "tolerance" else [name for name in LOOPS if not name.startswith("pot")]


def requirements(case, threads):
    """What is required of a case on a number of threads; nothing of sizes that are not named."""
    required = []
    if case.n not in SIZES[case.kind]:
        return required

    def at_least(measure, bound, text):
        required.append(Requirement(measure, bound, text))

    if case.suite == "tolerance":
        bound = 40 if case.n == 4000 else 100
        required.append(Requirement("passes", bound, f"{bound} passes", at_most=True))
        factor = 5 if case.epsilon == 0.05 else 20 if case.epsilon <= 0.005 else None
        if factor:
            at_least("ratio", factor, f"{factor}x the best")
        at_least("plain", 1 / 1.1, "plain")
    elif case.kind == "dense":
        factor = 5 if case.n == 4096 else 3
        at_least("ratio", factor, f"{factor}x the best")
        if case.precision == "f64":
            at_least("pot-kernel", 1, "POT's kernel")
    elif case.precision == "f32" and case.kind == "points-64":
        at_least("ratio", 3, "3x the best")
    elif case.precision == "f32":
        bound = {1: 2.5e9, 2: 1.8 * 2.5e9}.get(threads)
        if bound:
            at_least("pairs", bound, f"{bound:.1e} pairs/s")
        factor = 5 if case.n == 1024 else 8
        at_least("ratio", factor, f"{factor}x the best")
        if case.n == 4096:
            at_least("pot-log", 40, "40x POT log")
    return required
