"""Medians, means, ratios and verdicts, as lines of tables."""

import math
import statistics

from harness.figures import cell, quotient, verdict
from lp.comparison import SHIFT, differ

NAME = 22


# What counts of a solver's times.
COUNTED = {"median": statistics.median, "least": min}
counted = "median"


def seconds(made, name):
    """The time of a solver that counts; None: not measured."""
    found = made.get(name, {})
    return COUNTED[counted](found["all_seconds"]) if found.get("all_seconds") else None


def status(made, name):
    return made.get(name, {}).get("status")


def header(solvers):
    cells = [f"{'problem':<{NAME}} {'rows':>7} {'columns':>7} {'nonzeros':>8}  {'status':<12}"]
    cells += [f"{name + ' ms':>11}" for name in solvers]
    cells += [f"{'ours/highs':>10} {'steps':>8} {'theirs':>8} {'differ':>8}"]
    return " ".join(cells)


def line(name, made, solvers):
    own, peer = made.get("ours", {}), made.get("highs", {})
    size = [own.get(key, "-") for key in ("rows", "columns", "nonzeros")]
    ended = own.get("status", peer.get("status", "failed" if "failed" in own else "-"))
    cells = [f"{name:<{NAME}} {size[0]:>7} {size[1]:>7} {size[2]:>8}  {ended:<12}"]
    for solver in solvers:
        found = made.get(solver, {})
        time = seconds(made, solver)
        if "failed" in found or solver != "ours" and found.get("status") not in (None, own.get("status"), peer.get("status")):
            cells.append(f"{found.get('status', 'failed'):>11}")
        else:
            cells.append(cell(None if time is None else 1e3 * time, 11, 3))
    cells.append(cell(quotient(seconds(made, "ours"), seconds(made, "highs")), 10, 2))
    cells += [f"{found.get('iterations', '-'):>8}" for found in (own, peer)]
    both = own.get("status") == "optimal" == peer.get("status")
    cells.append(f"{differ(own['objective'], peer['objective']):8.0e}" if both else f"{'-':>8}")
    return " ".join(cells)


def shifted_mean(times):
    """The geometric mean of the times plus a shift, without it."""
    return math.exp(statistics.fmean(math.log(time + SHIFT) for time in times)) - SHIFT


def summary(results, solvers):
    """Lines with means and totals of each solver over the problems that all of ours and HiGHS have times of, and their ratios."""
    both = [made for made in results.values() if seconds(made, "ours") and seconds(made, "highs")]
    found = {}
    for solver in solvers:
        times = [seconds(made, solver) for made in both]
        # A solver that fails has no mean.
        complete = times and all(time is not None for time in times)
        found[solver] = (shifted_mean(times), sum(times)) if complete else (None, None)
        mean, total = (cell(None if value is None else 1e3 * value, 11, 3) for value in found[solver])
        solved = sum(made.get(solver, {}).get("status") in ("optimal", "infeasible", "unbounded") for made in both)
        yield f"{solver:<8} shifted mean {mean} ms, total {total} ms, ended by itself on {solved} of {len(both)}"


def gates(results, most):
    """(text, measure, met) of what is required of our times beside those of HiGHS."""
    # Where neither came to an end, their times are the limit.
    ended = [made for made in results.values() if any(status(made, name) != "time_limit" for name in ("ours", "highs"))]
    pairs = [(seconds(made, "ours"), seconds(made, "highs")) for made in ended]
    pairs = [pair for pair in pairs if None not in pair]
    if not pairs:
        return
    ours, theirs = zip(*pairs)
    if "mean" in most:
        ratio = shifted_mean(ours) / shifted_mean(theirs)
        yield f"shifted geometric mean: at most {most['mean']} times HiGHS", ratio, ratio <= most["mean"]
        ratio = sum(ours) / sum(theirs)
        yield f"total: at most {most['total']} times HiGHS", ratio, ratio <= most["total"]
    largest = max(own / peer for own, peer in pairs)
    met = all(own <= most["each"] * peer + most["slack"] for own, peer in pairs)
    slack = f" and {1e3 * most['slack']:.0f} ms" if most["slack"] else ""
    yield f"each problem: at most {most['each']} times HiGHS{slack}; the largest", largest, met


def required(results, most):
    """The gates as lines."""
    return [f"{text}: {ratio:.2f}: {verdict(met)}" for text, ratio, met in gates(results, most)]
