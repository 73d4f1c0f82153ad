"""The calls that are timed: each gives an Answer."""

import math
import time
from dataclasses import dataclass

from harness import program as command_line


@dataclass
class Answer:
    """What a call took and found: a value for each problem."""

    seconds: float
    values: list
    peak_bytes: int | None = None
    relative_gap: float | None = None


class NotSolved(Exception):
    """The command gave no proved optimum."""


def brenier(program, folder, given, weighted, threads):
    """The command on the files in `folder`. Its time is the solver's own, checks and proof included."""
    command = [program, "ot", "--json", "--quiet", "--threads", str(threads)]
    command += [folder / "x.npy", folder / "y.npy", "--cost", "sqeuclidean"] if given == "points" else []
    command += ["--cost-matrix", folder / "costs.npy"] if given == "matrix" else []
    if weighted:
        command += ["--source-weights", folder / "a.npy", "--target-weights", folder / "b.npy"]
    return lambda: answer(command, threads)


def brenier_batch(program, folder, threads):
    """The bench `batch` on the files in `folder`: `exact::solve_batch`. Its time is that of the one call."""
    return lambda: answer([program, folder], threads)


def answer(command, threads):
    """Runs a command that prints a JSON object. `cost` and `gap` are numbers, or lists of them for a batch."""
    code, said = command_line.run(command, threads)
    if code != 0 or said.get("status") != "optimal":
        raise NotSolved(f"{' '.join(map(str, command))}: exit code {code}, {said}")
    values, gaps = (key if isinstance(key, list) else [key] for key in (said["cost"], said["gap"]))
    relative_gap = max(abs(gap) / abs(value) if value else abs(gap) for gap, value in zip(gaps, values, strict=True))
    return Answer(said["seconds"], values, said["peak_memory_bytes"], relative_gap)


def timed(function, value):
    """A peer, in this process. `value` is not timed."""

    def call():
        start = time.perf_counter()
        result = function()
        seconds = time.perf_counter() - start
        return Answer(seconds, [value(result)])

    return call


# The limit on iterations is out of the way: POT's default ends some of these early.
LIMIT = 10**8


def peers(names, problem):
    """The peers' calls on one problem, by name. They use one thread: POT's solver and SciPy's have no more."""
    import ot
    from scipy.optimize import linear_sum_assignment

    costs = problem.costs
    a, b = problem.masses()
    calls = {
        "emd": timed(lambda: ot.emd(a, b, costs, numItermax=LIMIT), lambda plan: cost_of(plan, costs)),
        "emd2": timed(lambda: ot.emd2(a, b, costs, numItermax=LIMIT), float),
        "lsa": timed(
            lambda: linear_sum_assignment(costs), lambda pairs: math.fsum(costs[pairs].tolist()) / len(costs)
        ),
    }
    return {name: calls[name] for name in names}


def batch_peers(names, batch):
    """POT on each problem in turn; the time of all."""
    loops = [peers(names, problem) for problem in batch.problems]

    def call(name):
        answers = [calls[name]() for calls in loops]
        return Answer(sum(one.seconds for one in answers), [one.values[0] for one in answers])

    return {name: lambda name=name: call(name) for name in names}


def cost_of(plan, costs):
    """The cost of a dense plan, summed exactly over its few positive entries."""
    support = plan.nonzero()
    return math.fsum((plan[support] * costs[support]).tolist())
