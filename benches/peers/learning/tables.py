"""Medians, ratios and verdicts of a case, as lines of a table."""

import math
import statistics

from harness.figures import cell, quotient, verdict
from learning import suites
from learning.peers import NAMES

# Single precision, sums in another order: how far apart values of the same recipe may be, relative. In thousands of steps Adam's
# division by small second moments lets rounding grow; the machine's draws are others each time.
TOLERANCES = {"mlp": 0.02, "rbm": 0.01, "probe": 0.001}

# Another recipe (PCD), whose value is shown only.
OTHER_RECIPE = ["sklearn"]

# PyTorch's ways, the eager one first.
TORCH = ["torch", "torch-compiled", "torch-step"]

# Losses on random numbers of the same law may differ by so many of their deviations.
DEVIATIONS = 6

WIDTH = 14


def header(suite, chosen):
    names = [name for name in NAMES if name in suites.PEERS[suite] and name in chosen.peers]
    cells = [f"{'case':<34} {'threads':>7} {'ours':>10}"] + [f"{name:>{WIDTH}}" for name in names]
    cells += [f"{'best/ours':>10} {'speedup':>8}"]
    if suite != "probe":
        cells += [f"{'GFLOP/s':>8} {'product':>8} {'torch mm':>8} {'share':>6}"]
    return f"{suite}: {suites.UNITS[suite][1]}\n" + " ".join(cells) + f" {'differ':>8}  required"


def seconds(result, name):
    """The median time of a training, a step or an epoch; None: not measured."""
    made = result["calls"].get(name)
    return statistics.median(made["seconds"]) if made and made.get("seconds") else None


def measures(result, case, serial):
    """What requirements speak about. `serial` is the case's result on the first number of threads."""
    ours = seconds(result, "ours")
    found = {"ours": ours, "speedup": quotient(seconds(serial, "ours"), ours)}
    for name in NAMES:
        found[name] = quotient(seconds(result, name), ours)
    ratios = {name: found[name] for name in NAMES if found[name]}
    found["best"] = min(ratios.values(), default=None)
    for key, names in (("best torch", TORCH), ("compiled", TORCH[1:])):
        found[key] = min((ratios[name] for name in names if name in ratios), default=None)
    if case.flops:
        rows, inp, out = case.product
        rate = quotient(case.flops, ours)
        for name, key in (("product", "share"), ("torch product", "torch share")):
            found[name] = quotient(2 * rows * inp * out, seconds(result, name))
            found[key] = quotient(rate, found[name])
        found["rate"] = rate
    return found


def verdicts(result, case, serial):
    """(text, True, False or None): each requirement, and whether it is met; None where it was not measured."""
    measured = measures(result, case, serial)
    for required in suites.requirements(case, result["threads"]):
        value = measured.get(required.measure)
        yield required.text, None if value is None else required.met(value)


def line(result, case, chosen, serial):
    """The table's line for a case on a number of threads."""
    measured = measures(result, case, serial)
    scale = suites.UNITS[case.suite][0]
    cells = [f"{case.name:<34} {result['threads']:>7}", cell(scaled(measured["ours"], scale), 10, 2)]
    for name in suites.peers(case, chosen):
        failed = "failed" in result["calls"].get(name, {})
        time = seconds(result, name)
        cells.append(f"{'failed':>{WIDTH}}" if failed else cell(scaled(time, scale), WIDTH, 2))
    cells.append(cell(measured["best"], 10, 2))
    cells.append(cell(measured["speedup"] if result is not serial else None, 8, 2))
    if case.flops:
        cells += [cell(scaled(measured[name], 1e-9), 8, 1) for name in ("rate", "product", "torch product")]
        cells.append(cell(measured["share"], 6, 2))
    apart = difference(result)
    cells.append(f"{'-':>8}" if apart is None else f"{apart:8.0e}")
    required = "; ".join(f"{text} {verdict(met)}" for text, met in verdicts(result, case, serial))
    return " ".join(cells) + "  " + (required or "-")


def scaled(number, factor):
    return None if number is None else number * factor


def values(result):
    """The value of each who has followed the recipe; ours where it has the peers' inputs."""
    found = {name: made["value"] for name, made in result["calls"].items() if "value" in made}
    return {name: value for name, value in found.items() if name not in OTHER_RECIPE}


def difference(result):
    """The largest relative difference between any two values; None where there is one only."""
    found = list(values(result).values())
    return (max(found) - min(found)) / abs(min(found)) if len(found) > 1 else None


def faults(result, case, serial):
    """What makes the figures worthless, in words."""
    name = f"{case.name} on {result['threads']}"
    apart = difference(result)
    if apart is not None and not apart <= TOLERANCES[case.suite]:
        yield f"{name}: values differ by {apart:.1e}: {values(result)}"
    ours, first = result["calls"].get("ours"), serial["calls"].get("ours")
    if ours and first and ours["values"] != first["values"]:
        yield f"{name}: our values are not those on {serial['threads']} to the last bit"
    if ours and case.suite == "mlp":
        # The mean of so many squares of normal numbers has this relative deviation, ours is a mean over the repetitions.
        deviation = math.sqrt(2 / (case.rows * case.widths[-1]) * (1 + 1 / len(ours["values"])))
        mean = statistics.mean(ours["values"])
        for peer, value in values(result).items():
            if not abs(mean - value) <= DEVIATIONS * deviation * max(mean, value):
                yield f"{name}: our loss is {mean:.4f}, that of {peer} {value:.4f}: too far apart for chance"
    elif ours and len(set(ours["values"])) > 1:
        yield f"{name}: our value is not the same to the last bit each time"
