#!/usr/bin/env python3
"""Exact transport: the command `brenier ot` beside POT and SciPy, on the same inputs, values compared.

    bash benches/peers/setup.sh
    benches/peers/.venv/bin/python benches/peers/exact_transport.py [--quick | --large] [--json FILE]

Inputs: r = numpy.random.default_rng(0); x = r.standard_normal((n, d)); y = r.standard_normal((n, d)) + 1; random weights are
r.random(n), normalised. Costs: squared Euclidean, float64, the same matrix for all.

What is timed: for Brenier the solver alone, checks and proof included (`seconds` of its JSON; a fresh process each time,
so nothing is warm); for the peers the call, in this process, after one call that is not counted. The repetitions are interleaved
and the median is printed. With one thread everything is pinned to one core. Ratios above 1 mean that Brenier is faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Values must agree to this, relative: rounding of n products and of the masses, with room to spare.
TOLERANCE = 1e-9

# These must be set before NumPy is loaded, so each number of threads gets a process of its own.
THREAD_VARIABLES = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="the command to time (default: built from this checkout)")
    parser.add_argument("--sizes", type=numbers, help="n, with commas (default 1000,2000)")
    parser.add_argument("--dimensions", type=numbers, default=[2, 64], help="d, with commas (default 2,64)")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="with commas (default 1,2)")
    parser.add_argument("--repetitions", type=int, help="of each call (default 5)")
    parser.add_argument("--large", action="store_true", help="n = 4000 as well")
    parser.add_argument("--quick", action="store_true", help="n = 300, three repetitions: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    chosen.sizes = chosen.sizes or ([300] if chosen.quick else [1000, 2000] + [4000] * chosen.large)
    chosen.repetitions = chosen.repetitions or (3 if chosen.quick else 5)
    return chosen


def numbers(text):
    return [int(number) for number in text.split(",")]


def build():
    """The command of this checkout, optimised."""
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--features", "cli", "--bin", "brenier"], cwd=ROOT, check=True
    )
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "brenier"


def pin(threads):
    """Keeps this process and its children on as many cores as there are threads, where the system allows it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def problem(n, d, weights):
    """Costs and weights; None for uniform ones."""
    import numpy as np
    from scipy.spatial.distance import cdist

    r = np.random.default_rng(0)
    x = r.standard_normal((n, d))
    y = r.standard_normal((n, d)) + 1
    a, b = r.random(n), r.random(n)
    costs = cdist(x, y, "sqeuclidean")
    return (costs, a / a.sum(), b / b.sum()) if weights == "random" else (costs, None, None)


def brenier(program, folder, weighted, threads):
    """The call of the command on the files in `folder`: (seconds, value)."""
    command = [program, "ot", "--json", "--quiet", "--threads", str(threads), "--cost-matrix", folder / "costs.npy"]
    if weighted:
        command += ["--source-weights", folder / "a.npy", "--target-weights", folder / "b.npy"]

    def call():
        answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        if answer["status"] != "optimal":
            sys.exit(f"brenier: status {answer['status']}")
        return answer["seconds"], answer["cost"]

    return call


def timed(function, value):
    """The call of a peer: (seconds, value)."""

    def call():
        start = time.perf_counter()
        result = function()
        return time.perf_counter() - start, float(value(result))

    return call


def peers(costs, a, b):
    """The peers' calls, by name."""
    import numpy as np
    import ot
    from scipy.optimize import linear_sum_assignment

    n = len(costs)
    uniform = np.full(n, 1 / n)
    source, target = (uniform, uniform) if a is None else (a, b)
    # The limit on iterations is out of the way: POT's default ends some of these early.
    limit = 10**8
    calls = {
        "ot.emd": timed(lambda: ot.emd(source, target, costs, numItermax=limit), lambda plan: (plan * costs).sum()),
        "ot.emd2": timed(lambda: ot.emd2(source, target, costs, numItermax=limit), lambda value: value),
    }
    if a is None:
        calls["scipy lsa"] = timed(lambda: linear_sum_assignment(costs), lambda pairs: costs[pairs].sum() / n)
    return calls


def measure(chosen, threads):
    """All cases for one number of threads: a JSON line for each on standard output."""
    import numpy as np

    pin(threads)
    for n in chosen.sizes:
        for d in chosen.dimensions:
            for weights in ["uniform", "random"]:
                costs, a, b = problem(n, d, weights)
                with tempfile.TemporaryDirectory() as folder:
                    folder = Path(folder)
                    np.save(folder / "costs.npy", costs)
                    if a is not None:
                        np.save(folder / "a.npy", a)
                        np.save(folder / "b.npy", b)
                    calls = {"brenier": brenier(chosen.program, folder, a is not None, threads)}
                    calls |= peers(costs, a, b)
                    times = {name: [] for name in calls}
                    values = {name: call()[1] for name, call in calls.items()}
                    for _ in range(chosen.repetitions):
                        for name, call in calls.items():
                            times[name].append(call()[0])
                case = {"n": n, "d": d, "weights": weights, "threads": threads, "times": times, "values": values}
                print(json.dumps(case), flush=True)


COLUMNS = ["ot.emd", "ot.emd2", "scipy lsa"]


def header():
    names = "".join(f"{name + ' s':>12}" for name in ["brenier"] + COLUMNS)
    ratios = "".join(f"{name + ' / us':>16}" for name in COLUMNS)
    return f"{'n':>5} {'d':>3} {'weights':>8} {'threads':>7}{names}{ratios}{'values differ':>16}"


def row(case):
    medians = {name: statistics.median(times) for name, times in case["times"].items()}
    ours = medians["brenier"]
    times = "".join(
        f"{medians[name]:12.4f}" if name in medians else f"{'-':>12}" for name in ["brenier"] + COLUMNS
    )
    ratios = "".join(f"{medians[name] / ours:16.2f}" if name in medians else f"{'-':>16}" for name in COLUMNS)
    start = f"{case['n']:5} {case['d']:3} {case['weights']:>8} {case['threads']:7}"
    return f"{start}{times}{ratios}{difference(case):16.1e}"


def difference(case):
    """The largest relative difference between our value and a peer's."""
    ours = case["values"]["brenier"]
    return max(abs(ours - value) / abs(value) for name, value in case["values"].items() if name != "brenier")


def machine(program):
    """What the figures were taken on."""
    import numpy
    import ot
    import scipy

    processor = "unknown processor"
    if Path("/proc/cpuinfo").exists():
        names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        processor = names[0] if names else processor
    version = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 2),
        "program": version,
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "POT": ot.__version__,
    }


def main():
    chosen = arguments()
    if chosen.worker:
        measure(chosen, chosen.worker)
        return
    chosen.program = (chosen.program or build()).resolve()
    if not chosen.program.is_file():
        sys.exit(f"{chosen.program} is not there: build it with cargo build --release --features cli")
    facts = machine(chosen.program)
    print(", ".join(f"{name}: {fact}" for name, fact in facts.items()))
    if facts["load before"] > 0.3:
        print("The machine is not quiet: do not quote these figures.")
    print(header())
    cases = []
    for threads in chosen.threads:
        command = [sys.executable, __file__, "--worker", str(threads), "--program", chosen.program]
        command += ["--repetitions", str(chosen.repetitions)]
        for option in ["sizes", "dimensions"]:
            command += [f"--{option}", ",".join(map(str, getattr(chosen, option)))]
        environment = os.environ | {variable: str(threads) for variable in THREAD_VARIABLES}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
            for line in worker.stdout:
                cases.append(json.loads(line))
                print(row(cases[-1]), flush=True)
        if worker.returncode != 0:
            sys.exit(f"the run with {threads} threads failed")
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": facts, "cases": cases}, indent=1) + "\n")
    wrong = [case for case in cases if not difference(case) < TOLERANCE]
    if wrong:
        sys.exit(f"{len(wrong)} of {len(cases)} cases differ in value by {TOLERANCE:.0e} or more")


if __name__ == "__main__":
    main()
