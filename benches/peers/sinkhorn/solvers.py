"""The peers' own solvers until a tolerance, float64, on the matrix of costs.

Each entry of SOLVERS takes `Inputs`, the peer's own threshold and the limit on iterations, and gives a function without
arguments; its result is (f / epsilon, g / epsilon, iterations) of the plan exp((f_i + g_j - C_ij) / epsilon).

| name | what | stops on, looked at |
| --- | --- | --- |
| ott | OTT-JAX, jit, its defaults but for the threshold | L1 error of the columns, every 10 iterations |
| ott-momentum | with `Momentum(start=100)`: over-relaxation chosen from the contraction (Lehmann et al.) | the same |
| ott-anderson | with `AndersonAcceleration(memory=5)` | the same |
| pot-log | `ot.bregman.sinkhorn_log` | L2 error of the columns, every 10 |
| pot-stabilized | `ot.bregman.sinkhorn_stabilized` | the same, every 20 |
| pot-kernel | `ot.sinkhorn(method="sinkhorn")`, not in the log domain | the same, every 10 |

What is asked for is the L1 error of both marginals together. `until` finds the threshold of the peer's own criterion that
gives just that, so that none works longer than is asked for.
"""

import warnings
from dataclasses import asdict, dataclass

import numpy as np

from sinkhorn.check import check, reached
from sinkhorn.loops import import_jax

# A converged answer whose error is this fraction of the tolerance or more has not worked for nothing.
CLOSE = 0.5

# Runs with another threshold, at most.
TRIES = 4

# Iterations that measure the time of one.
CALIBRATION = 10


def ott(inputs, threshold, limit, **acceleration):
    jax = import_jax(inputs.element)
    from ott.geometry import geometry
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    solver = sinkhorn.Sinkhorn(threshold=threshold, max_iterations=limit, **acceleration)
    a, b, costs = (jax.numpy.asarray(array) for array in (*inputs.masses, inputs.costs))

    @jax.jit
    def run(costs):
        matrix = geometry.Geometry(cost_matrix=costs, epsilon=inputs.epsilon)
        found = solver(linear_problem.LinearProblem(matrix, a=a, b=b))
        return found.f / inputs.epsilon, found.g / inputs.epsilon, found.n_iters

    compiled = run.lower(costs).compile()
    return lambda: jax.block_until_ready(compiled(costs))


def ott_momentum(inputs, threshold, limit):
    from ott.solvers.linear import acceleration

    return ott(inputs, threshold, limit, momentum=acceleration.Momentum(start=100))


def ott_anderson(inputs, threshold, limit):
    from ott.solvers.linear import acceleration

    return ott(inputs, threshold, limit, anderson=acceleration.AndersonAcceleration(memory=5))


def pot(inputs, threshold, limit, function, logs, count):
    a, b, costs = *inputs.masses, inputs.costs

    def run():
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            log = function(
                a, b, costs, inputs.epsilon, numItermax=limit, stopThr=max(threshold, 0), log=True, warn=False
            )[1]
            return *logs(log), log[count] + 1

    return run


def pot_log(inputs, threshold, limit):
    import ot

    return pot(inputs, threshold, limit, ot.bregman.sinkhorn_log, lambda log: (log["log_u"], log["log_v"]), "niter")


def pot_stabilized(inputs, threshold, limit):
    import ot

    function = ot.bregman.sinkhorn_stabilized
    return pot(inputs, threshold, limit, function, lambda log: (log["logu"], log["logv"]), "n_iter")


def pot_kernel(inputs, threshold, limit):
    import ot

    function = ot.bregman.sinkhorn_knopp
    return pot(inputs, threshold, limit, function, lambda log: (np.log(log["u"]), np.log(log["v"])), "niter")


SOLVERS = {
    "ott": ott,
    "ott-momentum": ott_momentum,
    "ott-anderson": ott_anderson,
    "pot-log": pot_log,
    "pot-stabilized": pot_stabilized,
    "pot-kernel": pot_kernel,
}

# Those that are stable for small epsilon: what is compared with "the best log-domain peer".
LOG_DOMAIN = ["ott", "ott-momentum", "ott-anderson", "pot-log"]


@dataclass
class Outcome:
    """One run of a peer, and what became of it: "converged", "cap" (out of time) or "failed" (gave up before)."""

    seconds: float
    iterations: int
    error: float
    cost: float
    status: str


def until(solver, inputs, tolerance, cap, timed):
    """Runs a peer until the L1 error of both marginals is below the tolerance, for at most about `cap` seconds.

    Gives the call that is to be repeated, and what it found. The limit on iterations is what the cap allows at the pace of
    the first few.
    """
    sources, targets = inputs.masses
    start = solver(inputs, -1.0, CALIBRATION)
    timed(start)
    pace = timed(start)[0] / CALIBRATION
    limit = CALIBRATION * max(1, int(cap / pace / CALIBRATION))

    def attempt(threshold):
        call = solver(inputs, threshold, limit)
        seconds, (log_rows, log_columns, iterations) = timed(call)
        checked = check(log_rows, log_columns, inputs.costs, inputs.epsilon, sources, targets)
        converged = reached(checked.error, tolerance)
        status = "converged" if converged else "cap" if iterations >= limit else "failed"
        return call, Outcome(seconds, int(iterations), checked.error, checked.cost, status)

    # OTT's criterion is ours where each iteration ends with exact rows; POT's, an L2 norm, is at least 1/sqrt(m) of it.
    threshold = tolerance if solver.__name__.startswith("ott") else tolerance / len(targets) ** 0.5
    call, best = attempt(threshold)
    last = best
    for _ in range(TRIES - 1):
        stopped_early = last.status == "failed" and np.isfinite(last.error) and last.error < 1000 * tolerance
        stopped_late = last.status == "converged" and 0 < last.error < CLOSE * tolerance
        if not (stopped_early or stopped_late):
            break
        threshold *= 0.9 * tolerance / last.error
        other, last = attempt(threshold)
        if last.status == "converged" and (best.status != "converged" or last.seconds < best.seconds):
            call, best = other, last
        elif best.status == "converged":
            break
    return call, asdict(best) | {"seconds_per_iteration": pace, "limit": limit}
