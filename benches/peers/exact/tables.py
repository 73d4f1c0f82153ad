"""Medians, ratios and verdicts of a case, as lines of a table."""

import statistics

from exact import suites
from harness.figures import cell, quotient, verdict

# Values must agree to this, relative, and so must our cost and its proof: rounding of n products and of the masses,
# with room to spare.
TOLERANCE = 1e-9

HEADER = (
    f"{'size':>13} {'kind':>8} {'weights':>8} {'threads':>7} {'points s':>10} {'matrix s':>10} {'emd s':>10} {'emd2 s':>10}"
    f" {'lsa s':>10} {'emd/points':>10} {'emd/matrix':>10} {'speedup':>8} {'MB':>7} {'differ':>8}  required"
)


def median(result, name):
    """The median time of a call, or None where it was not made."""
    answers = result["calls"].get(name)
    return statistics.median(answers["seconds"]) if answers else None


def measures(result, threads):
    """What requirements speak about, for the first kind of input that ours is given."""
    inputs = result["inputs"]
    if not inputs:
        return {}
    name = f"{inputs[0]}/{threads}"
    ours = median(result, name)
    peaks = [peak for peak in result["calls"][name]["peak_bytes"] if peak]
    return {
        "seconds": ours,
        "ratio": quotient(median(result, "emd"), ours),
        "speedup": quotient(median(result, f"{inputs[0]}/1"), ours),
        "megabytes": max(peaks) / 1e6 if peaks else None,
    }


def verdicts(result, case, threads):
    """(text, True, False or None): each requirement, and whether it is met; None where it was not measured."""
    measured = measures(result, threads)
    for required in suites.requirements(case, threads):
        value = measured.get(required.measure)
        yield required.text, None if value is None else required.met(value)


def lines(result, case, threads):
    """The table's lines for a case: one for each number of threads."""
    for count in threads:
        measured = measures(result, count)
        first = count == threads[0]
        emd = median(result, "emd")
        points, matrix = median(result, f"points/{count}"), median(result, f"matrix/{count}")
        times = [points, matrix] + [median(result, name) if first else None for name in ("emd", "emd2", "lsa")]
        cells = [f"{suites.size(case):>13} {case.kind:>8} {case.weights:>8} {count:7}"]
        cells += [cell(time, 10, 4) for time in times]
        cells += [cell(quotient(emd, points), 10, 2), cell(quotient(emd, matrix), 10, 2)]
        cells += [cell(measured.get("speedup") if count > 1 else None, 8, 2), cell(measured.get("megabytes"), 7, 0)]
        apart = difference(result)
        cells += [f"{'-':>8}" if apart is None else f"{apart:8.0e}"]
        required = "; ".join(f"{text} {verdict(met)}" for text, met in verdicts(result, case, count))
        yield " ".join(cells) + "  " + (required or "-")


def difference(result):
    """The largest relative difference between any two calls' values of a problem; None where there was one call only."""
    if len(result["calls"]) < 2:
        return None
    values = [values for answers in result["calls"].values() for values in answers["values"]]
    return max(
        (max(problem) - min(problem)) / max(map(abs, problem)) if any(problem) else 0.0
        for problem in zip(*values, strict=True)
    )


def faults(result, case):
    """What makes the figures worthless, in words."""
    name = suites.name(case)
    apart = difference(result)
    if apart is not None and not apart < TOLERANCE:
        yield f"{name}: values differ by {apart:.1e}"
    for call, answers in result["calls"].items():
        gap = max((gap for gap in answers["relative_gap"] if gap is not None), default=0.0)
        if not gap < TOLERANCE:
            yield f"{name}: {call} has a relative gap of {gap:.1e}"
    for given in result["inputs"]:
        ours = [answers["values"] for call, answers in result["calls"].items() if call.startswith(f"{given}/")]
        if len({tuple(values) for repeated in ours for values in repeated}) > 1:
            yield f"{name}: from the {given}, our value is not the same to the last bit each time"
