"""Our command on the files of a problem. Its times are those that it takes itself, around the solver alone."""

import numpy as np

from harness import program
from sinkhorn.check import check, reached

# Repetitions inside of one process.
REPEATED = 3

# No limit on iterations but the time.
ITERATIONS = 10**7

PRECISIONS = {"f32": "single", "f64": "double"}


class NotSolved(Exception):
    """The command gave no answer."""


def iterations(command, folder, case, epsilon, threads, count):
    """Runs `bench sinkhorn`: so many iterations from zero potentials. Gives the command's object."""
    arguments = [command, "bench", "sinkhorn", "--json", "--epsilon", repr(epsilon), "--iterations", count]
    if case.given == "costs":
        arguments += ["--costs", folder / "costs.npy"]
    else:
        arguments += ["--source", folder / "x.npy", "--target", folder / "y.npy"]
    if case.kind == "points-2":
        # The costs are computed in each iteration. In 64 dimensions the solver may keep them, as it does by default.
        arguments += ["--bytes-kept", 0]
    arguments += ["--precision", PRECISIONS[case.precision], "--threads", threads, "--repetitions", REPEATED]
    code, said = program.run(arguments, threads)
    if code != 0 or "seconds_per_iteration" not in said:
        raise NotSolved(f"{' '.join(map(str, arguments))}: exit code {code}, {said}")
    return said


def tolerance(command, folder, problem, epsilon, threads, method, cap, bound):
    """Runs `ot --epsilon` until the error is below the bound. Gives an outcome as the peers' are."""
    arguments = [command, "ot", folder / "x.npy", folder / "y.npy", "--cost", "sqeuclidean", "--json", "--quiet"]
    if problem.a is not None:
        arguments += ["--source-weights", folder / "a.npy", "--target-weights", folder / "b.npy"]
    arguments += ["--epsilon", repr(epsilon), "--tolerance", repr(bound), "--method", method, "--threads", threads]
    arguments += ["--precision", "double"]
    arguments += ["--timeout", cap, "--max-iterations", ITERATIONS]
    arguments += ["--source-potentials", folder / "f.npy", "--target-potentials", folder / "g.npy"]
    code, said = program.run(arguments, threads)
    if "seconds" not in said:
        raise NotSolved(f"{' '.join(map(str, arguments))}: exit code {code}, {said}")
    a, b = problem.masses()
    with np.errstate(divide="ignore"):
        # Our potentials are those of P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon).
        log_rows = np.load(folder / "f.npy") / epsilon + np.log(a)
        log_columns = np.load(folder / "g.npy") / epsilon + np.log(b)
    checked = check(log_rows, log_columns, problem.costs, epsilon, a, b)
    converged = reached(checked.error, bound)
    return {
        "seconds": said["seconds"],
        "iterations": said["iterations"],
        "passes": said.get("passes"),
        "error": checked.error,
        "said_error": said.get("marginal_error"),
        "cost": checked.cost,
        "said_status": said.get("status"),
        "status": "converged" if converged else "cap" if said["seconds"] >= 0.9 * cap else "failed",
    }
