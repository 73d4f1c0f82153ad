#!/usr/bin/env python3
"""Exact transport: the command `brenier ot` beside POT and SciPy, on the same inputs, values compared.

For many problems at once (the suite batch) it is the bench `batch`, which calls `exact::solve_batch`.

    bash benches/peers/setup.sh
    benches/peers/.venv/bin/python benches/peers/exact_transport.py --suite clouds,large,matrices,unequal,batch [--quick]

The suites and what each requires are in exact/suites.py, the inputs in exact/inputs.py.

What is timed: for Brenier the solver alone, checks and proof included (`seconds` of its JSON; a fresh process each time,
so nothing is warm); for the peers the call, in this process, after calls on a small problem that are not counted. The
repetitions are interleaved and medians are printed. Whatever has one thread is pinned to one core. Ratios above 1 mean
that Brenier is faster.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from exact import calls, inputs, suites, tables
from harness import machine, program
from harness.arguments import numbers, positive, sizes, words


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--suite",
        type=words(suites.SUITES),
        default=["clouds"],
        help=f"of {', '.join(suites.SUITES)}, with commas (default clouds)",
    )
    parser.add_argument("--program", type=Path, help="the command to time (default: built from this checkout)")
    parser.add_argument(
        "--batch-program", type=Path, help="the bench batch, for the suite batch (default: built from this checkout)"
    )
    parser.add_argument("--sizes", type=sizes, help="instead of the suites': n or NxM, with commas")
    parser.add_argument("--dimensions", type=numbers, default=[2, 64], help="d, with commas (default 2,64)")
    parser.add_argument(
        "--weights",
        type=words(["uniform", "random"]),
        default=["uniform", "random"],
        help="uniform, random or both, with a comma (default both)",
    )
    parser.add_argument(
        "--kinds", type=words(suites.KINDS), default=suites.KINDS, help=f"of {', '.join(suites.KINDS)}, with commas (default all)"
    )
    parser.add_argument("--threads", type=numbers, help="ours, with commas (default 1,2; for the suite large 1)")
    parser.add_argument(
        "--repetitions", type=positive, help="of each call (default 5; for the suite large 3, or 1 from 50,000 on)"
    )
    parser.add_argument("--large", action="store_true", help="the suite large as well")
    parser.add_argument("--huge", action="store_true", help="n = 100,000 in the suite large as well")
    parser.add_argument(
        "--with-pot-large", action="store_true", help="POT in the suite large: n = 10,000 takes 4.5 GB and up to 80 s"
    )
    parser.add_argument(
        "--peers", type=words(["emd", "emd2", "lsa"]), default=["emd", "lsa"], help="with commas (default emd,lsa)"
    )
    parser.add_argument("--peers-only", action="store_true", help="do not run ours")
    parser.add_argument("--quick", action="store_true", help="a small size of each suite: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    chosen = parser.parse_args()
    if chosen.large and "large" not in chosen.suite:
        chosen.suite.append("large")
    return chosen


def build_batch():
    """The bench `batch` of this checkout."""
    command = ["cargo", "bench", "--quiet", "--bench", "batch", "--no-run", "--message-format=json"]
    built = subprocess.run(command, cwd=program.ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(message["executable"] for message in messages if message.get("target", {}).get("name") == "batch")


def measure(case, chosen, threads):
    """Makes every call of a case as often as is asked for, in turn."""
    problem = inputs.problem(case)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        timed = {}
        for given in case.inputs:
            problem.save(folder, given)
            for count in threads:
                weighted = case.weights == "random"
                timed[f"{given}/{count}"] = (
                    calls.brenier_batch(chosen.batch_program, folder, count)
                    if case.suite == "batch"
                    else calls.brenier(chosen.program, folder, given, weighted, count)
                )
        if case.peers:
            timed |= (calls.batch_peers if case.suite == "batch" else calls.peers)(case.peers, problem)
        answers = {name: [] for name in timed}
        for _ in range(suites.repetitions(case, chosen)):
            for name, call in timed.items():
                answers[name].append(call())
    fields = ["seconds", "values", "peak_bytes", "relative_gap"]
    made = {
        name: {field: [getattr(answer, field) for answer in several] for field in fields}
        for name, several in answers.items()
    }
    return asdict(case) | {"load": machine.load(), "calls": made}


def warm_up(chosen):
    """One call of every peer that is not counted: what it loads and allocates once is no part of its time."""
    small = suites.Case("clouds", (50, 50), "d=2", "uniform")
    for call in calls.peers(chosen.peers, inputs.problem(small)).values():
        call()


def run(suite, chosen):
    """A suite's table. Gives its results, how many requirements are met, not met or not measured, and what is wrong."""
    threads = chosen.threads or ([1] if suite == "large" else [1, 2])
    results, counts, faults = [], {True: 0, False: 0, None: 0}, []
    print(f"\n{suite}\n{tables.HEADER}")
    for case in suites.cases(suite, chosen):
        if not case.inputs and not case.peers:
            continue
        shown = threads if case.inputs else [1]
        try:
            result = measure(case, chosen, shown)
        except calls.NotSolved as reason:
            # The other cases are still worth having.
            print(f"{suites.name(case)}: NOT SOLVED", flush=True)
            faults.append(f"{suites.name(case)}: {reason}")
            continue
        results.append(result)
        for line in tables.lines(result, case, shown):
            print(line, flush=True)
        for count in shown:
            for _, met in tables.verdicts(result, case, count):
                counts[met] += 1
        faults += tables.faults(result, case)
    return results, counts, faults


def main():
    chosen = arguments()
    if not chosen.peers_only:
        chosen.program = program.chosen(chosen.program)
        if "batch" in chosen.suite:
            chosen.batch_program = chosen.batch_program or build_batch()
    version = program.version(None if chosen.peers_only else chosen.program)
    facts = machine.facts(version, ["numpy", "scipy", "POT"])
    machine.show(facts)
    machine.pin(1)
    warm_up(chosen)
    results, faults, counts = [], [], {True: 0, False: 0, None: 0}
    for suite in chosen.suite:
        measured, verdicts, wrong = run(suite, chosen)
        results += measured
        faults += wrong
        for verdict, count in verdicts.items():
            counts[verdict] += count
        if chosen.json:
            # After each suite, so that an interruption loses little.
            chosen.json.write_text(json.dumps({"machine": facts, "cases": results}, indent=1) + "\n")
    print(f"\nrequirements: {counts[True]} met, {counts[False]} NOT met, {counts[None]} not measured")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
