"""What is run, and what is required of it.

| suite | sizes | ours is given | required of ours |
| --- | --- | --- | --- |
| clouds | 1000, 2000, 4000; d = 2, 64 | the points; beside it the matrix | 4x, 8x, 12x faster than POT; 2 threads 1.25x faster than 1 from 2000 on |
| large | 10,000, d = 2, 64; 50,000 and (--huge) 100,000, d = 2 | the points | seconds and megabytes |
| matrices | 1000, 3000; four kinds | the matrix | never slower than POT; 3x faster on low-rank and metric ones |
| unequal | 4000 x 2000, 10,000 x 3000; d = 2, 64; random weights | the points | 8x faster than POT |
| batch | 256 problems of 128 x 128, d = 2 | the matrices | 5x faster than a loop over POT |

POT is given the matrix in every suite, and the time to compute it is not counted.
"""

from dataclasses import dataclass

SUITES = ["clouds", "large", "matrices", "unequal", "batch"]

KINDS = ["uniform", "integers", "low-rank", "metric"]

SIZES = {
    "clouds": [(1000, 1000), (2000, 2000), (4000, 4000)],
    "large": [(10_000, 10_000), (50_000, 50_000)],
    "matrices": [(1000, 1000), (3000, 3000)],
    "unequal": [(4000, 2000), (10_000, 3000)],
    "batch": [(128, 128)],
}

QUICK_SIZES = {
    "clouds": [(300, 300)],
    "large": [(1500, 1500)],
    "matrices": [(200, 200)],
    "unequal": [(400, 200)],
    "batch": [(32, 32)],
}

# In the suite large, where --huge asks for it.
LARGEST = (100_000, 100_000)

# From this size on the large suite has two dimensions only, POT is left out (its matrix alone is 20 GB), and each call is
# made once unless a number is asked for.
HUGE = 50_000


# SciPy's assignment is not run beyond: in two dimensions 2000 points take it nine times as long as POT.
LARGEST_ASSIGNMENT = 2000


@dataclass(frozen=True)
class Case:
    """One problem, or one batch of them."""

    suite: str
    size: tuple
    kind: str  # "d=2", "d=64", or a kind of matrix
    weights: str  # "uniform" or "random"
    inputs: tuple = ("points",)  # what ours is given, once each; empty where ours is left out
    peers: tuple = ()
    problems: int = 1

    @property
    def dimension(self):
        return int(self.kind.removeprefix("d="))


@dataclass(frozen=True)
class Requirement:
    """A bound on what `tables.measures` calls `measure`."""

    measure: str
    bound: float
    text: str

    def met(self, value):
        # Ratios must be reached, seconds and megabytes must not.
        return value >= self.bound if self.measure in ("ratio", "speedup") else value < self.bound


def size(case):
    """Its size in words: 4000x2000, or 256*128x128 for a batch."""
    shape = f"{case.size[0]}x{case.size[1]}"
    return shape if case.problems == 1 else f"{case.problems}*{shape}"


def name(case):
    return f"{case.suite} {size(case)} {case.kind} {case.weights}"


def cases(suite, chosen):
    """The cases of a suite, those of one size together."""
    sizes = chosen.sizes or (QUICK_SIZES if chosen.quick else SIZES)[suite]
    if suite == "large" and chosen.huge and not (chosen.sizes or chosen.quick):
        sizes = sizes + [LARGEST]
    for shape in sizes:
        for kind in kinds(suite, shape, chosen):
            for weights in [choice for choice in chosen.weights if suite != "unequal" or choice == "random"]:
                yield Case(
                    suite,
                    shape,
                    kind,
                    weights,
                    inputs=() if chosen.peers_only else inputs(suite),
                    peers=peers(suite, shape, weights, chosen),
                    problems=1 if suite != "batch" else 8 if chosen.quick else 256,
                )


def kinds(suite, shape, chosen):
    if suite == "matrices":
        return chosen.kinds
    if suite == "batch":
        return ["d=2"]
    return [f"d={d}" for d in chosen.dimensions if d == 2 or suite != "large" or max(shape) < HUGE]


def inputs(suite):
    """What ours is given."""
    return {"clouds": ("points", "matrix"), "matrices": ("matrix",), "batch": ("matrix",)}.get(suite, ("points",))


def peers(suite, shape, weights, chosen):
    """Who is timed beside ours."""
    if suite == "large" and (max(shape) >= HUGE or not chosen.with_pot_large):
        return ()
    assigns = weights == "uniform" and shape[0] == shape[1] <= LARGEST_ASSIGNMENT and suite in ("clouds", "matrices")
    return tuple(name for name in chosen.peers if name == "emd" or (suite != "batch" and (name == "emd2" or assigns)))


def repetitions(case, chosen):
    if chosen.repetitions:
        return chosen.repetitions
    if case.suite == "large":
        return 1 if max(case.size) >= HUGE else 3
    return 3 if chosen.quick else 5


def requirements(case, threads):
    """What is required of a case on a number of threads; nothing of sizes that are not named."""
    required = []
    n = case.size[0]
    if case.size not in SIZES[case.suite] + ([LARGEST] if case.suite == "large" else []):
        return required

    def at_least(measure, bound, text):
        required.append(Requirement(measure, bound, text))

    def under(measure, bound, unit):
        required.append(Requirement(measure, bound, f"under {bound:g} {unit}"))

    if case.suite == "clouds":
        bound = {1000: 4, 2000: 8, 4000: 12}[n]
        if threads == 1:
            at_least("ratio", bound, f"{bound}x POT")
        if n >= 2000 and threads == 2:
            at_least("speedup", 1.25, "1.25x one thread")
    elif case.suite == "large":
        seconds, megabytes = {10_000: (2.5, 100), 50_000: (60, 300), 100_000: (None, 600)}[n]
        if seconds and (threads == 1 or n > 10_000):
            under("seconds", seconds, "s")
        under("megabytes", megabytes, "MB")
    elif case.suite == "matrices":
        bound = 3 if case.kind in ("low-rank", "metric") else 1
        at_least("ratio", bound, f"{bound}x POT")
    elif case.suite == "unequal":
        at_least("ratio", 8, "8x POT")
    elif case.suite == "batch":
        at_least("ratio", 5, "5x POT")
    return required
