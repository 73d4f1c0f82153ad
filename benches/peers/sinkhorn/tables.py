"""Medians, ratios and verdicts of a case, as lines of a table."""

import statistics

from harness.figures import cell, quotient, verdict
from sinkhorn import suites
from sinkhorn.check import reached
from sinkhorn.loops import LOOPS
from sinkhorn.solvers import SOLVERS

# Two converged answers' transport costs may differ by this many times the tolerance, relative to the largest cost of a pair:
# moving the mass that is in the wrong place costs no more than twice that, and the entropy lets some more move.
COST_FACTOR = 20

WIDTH = 12


def header(suite, chosen):
    if suite == "iterations":
        names = [name for name in LOOPS if name in chosen.peers]
        ours = [f"{'ours s/it':>10}", f"{'Gpairs/s':>9}", f"{'speedup':>8}"]
    else:
        names = [name for name in SOLVERS if name in chosen.peers]
        ours = [f"{'passes':>8}", f"{'ours s':>9}", f"{'error':>8}"]
        ours += [f"{method + ' s':>{WIDTH}}" for method in chosen.methods[1:]]
    cells = [f"{'kind':>9} {'n':>6} {'eps':>6} {'type':>4} {'threads':>7}", *ours]
    cells += [f"{name:>{max(WIDTH, len(name))}}" for name in names] + [f"{'best/ours':>10}"]
    return " ".join(cells) + "  required"


def seconds(result, name, cap):
    """The median time of an iteration, or of a solution; the cap for what found none. None: not measured."""
    made = result["calls"].get(name)
    if made is None or "failed" in made:
        return cap if made and cap else None
    if cap and made["status"] != "converged":
        return cap
    return statistics.median(made["seconds"])


def measures(result, case, chosen, serial):
    """What requirements speak about. `serial` is the case's result on the first number of threads, of which times of what
    has one thread are taken."""
    cap = chosen.cap if case.suite == "tolerance" else None

    def time(name):
        own = seconds(result, name, cap)
        return own if own is not None or case.suite == "tolerance" else seconds(serial, name, cap)

    ours = time("ours" if case.suite == "iterations" else chosen.methods[0])
    best = min((time(name) for name in suites.rivals(case) if time(name)), default=None)
    found = {"ours": ours, "ratio": quotient(best, ours)}
    if case.suite == "iterations":
        found["pairs"] = quotient(case.n**2, ours)
        found["speedup"] = quotient(seconds(serial, "ours", None), ours)
        for name in ("pot-log", "pot-kernel"):
            found[name] = quotient(time(name), ours)
    else:
        found["passes"] = result["calls"].get(chosen.methods[0], {}).get("passes")
        found["plain"] = quotient(time("plain"), ours)
    return found


def verdicts(result, case, chosen, serial):
    """(text, True, False or None): each requirement, and whether it is met; None where it was not measured."""
    measured = measures(result, case, chosen, serial)
    for required in suites.requirements(case, result["threads"]):
        value = measured.get(required.measure)
        yield required.text, None if value is None else required.met(value)


def line(result, case, chosen, serial):
    """The table's line for a case on a number of threads."""
    measured = measures(result, case, chosen, serial)
    cells = [f"{case.kind:>9} {case.n:>6} {case.epsilon:>6g} {case.precision:>4} {result['threads']:>7}"]
    if case.suite == "iterations":
        pairs = measured["pairs"]
        cells += [cell(measured["ours"], 10, 6), cell(pairs and pairs / 1e9, 9, 3)]
        cells += [cell(measured["speedup"] if result is not serial else None, 8, 2)]
        names = LOOPS
    else:
        ours = result["calls"].get(chosen.methods[0], {})
        error = ours.get("error")
        cells += [cell(measured["passes"], 8, 1), outcome(ours, 9), f"{'-':>8}" if error is None else f"{error:8.1e}"]
        cells += [outcome(result["calls"].get(method), WIDTH) for method in chosen.methods[1:]]
        names = SOLVERS
    for name in names:
        if name in chosen.peers:
            width = max(WIDTH, len(name))
            made = result["calls"].get(name)
            cells.append(
                f"{'failed':>{width}}"
                if made and "failed" in made
                else outcome(made, width)
                if case.suite == "tolerance"
                else cell(seconds(result, name, None), width, 6)
            )
    required = "; ".join(f"{text} {verdict(met)}" for text, met in verdicts(result, case, chosen, serial))
    return " ".join(cells) + " " + cell(measured["ratio"], 10, 2) + "  " + (required or "-")


def outcome(made, width):
    """The seconds and iterations of a run to a tolerance, or what became of it."""
    if not made or "failed" in made:
        return f"{'-' if not made else 'failed':>{width}}"
    if made["status"] != "converged":
        return f"{made['status'] + ('*' if made.get('carried') else ''):>{width}}"
    text = f"{statistics.median(made['seconds']):.3f}"
    return f"{text + '/' + str(made['iterations']) if width >= WIDTH else text:>{width}}"


def faults(result, case, chosen):
    """What makes the figures worthless, in words."""
    name = f"{case.name} on {result['threads']}"
    if case.suite == "iterations":
        return
    converged = {peer: made for peer, made in result["calls"].items() if made.get("status") == "converged"}
    costs = [made["cost"] for made in converged.values()]
    if costs and not max(costs) - min(costs) <= COST_FACTOR * suites.TOLERANCE * result["largest_cost"]:
        yield f"{name}: costs differ by {max(costs) - min(costs):.1e}"
    for method in chosen.methods:
        made = result["calls"].get(method)
        if made and made.get("said_error") is not None and made["said_error"] <= suites.TOLERANCE:
            if not reached(made["error"], suites.TOLERANCE):
                yield f"{name}: {method} says {made['said_error']:.2e}, its marginals have an error of {made['error']:.2e}"
