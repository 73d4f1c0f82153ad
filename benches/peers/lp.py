#!/usr/bin/env python3
"""Linear programs: our simplex beside those of HiGHS and microlp, on the MPS files of a folder.

    bash benches/peers/setup.sh
    benches/peers/.venv/bin/python benches/peers/lp.py [FOLDER] [--peers highs,microlp] [--only REGEX] [--primal] [--presolve]

The folder is by default the one that BRENIER_NETLIB names, or ../shared/netlib: the Netlib problems. If it has a table
optimal_values.tsv (name, status and optimal_objective among its columns), answers are compared with it, too.

What is timed: a whole solve from the program in memory, on one thread pinned to one core, without presolve unless it is asked
for. Ours is timed by `brenier bench lp`, HiGHS through highspy in a process of its own, microlp by a small program. Each problem
is solved by all of them in turn, several times; the median counts. Ratios above 1 mean that Brenier is slower.
"""

import argparse
import csv
import json
import os
import re
import sys
import tempfile
from pathlib import Path

from harness import machine, program
from harness.arguments import positive, words
from harness.processes import Worker
from lp import comparison, microlp_process, tables

PACKAGES = ["highspy"]

PEERS = comparison.SOLVERS[1:]

# What is required on the Netlib problems, without presolve.
MOST = {"mean": 2, "total": 3, "each": 10, "slack": 0.005}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="with .mps or .mps.gz files")
    parser.add_argument("--program", type=Path, help="the command to time (default: built from this checkout)")
    parser.add_argument("--microlp", type=Path, help="the program of lp/microlp (default: built)")
    parser.add_argument("--peers", type=words(PEERS), default=PEERS, help=f"of {', '.join(PEERS)} (default both)")
    parser.add_argument("--only", type=re.compile, metavar="REGEX", help="only the problems whose name it is found in")
    parser.add_argument("--rounds", type=positive, default=3, help="how often the solvers take turns (default 3)")
    parser.add_argument("--repetitions", type=positive, default=3, help="solves in a turn (default 3)")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a solve may take (default 300)")
    parser.add_argument("--primal", dest="method", action="store_const", const="primal", default="dual")
    parser.add_argument("--presolve", action="store_true", help="of all solvers")
    parser.add_argument("--least", action="store_true", help="the least time counts, which a busy machine spoils less")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    return parser.parse_args()


def problems(chosen):
    """The files by their names."""
    beside = program.ROOT.parent / "shared" / "netlib"
    folder = chosen.folder or Path(os.environ.get("BRENIER_NETLIB", beside))
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: name a folder of MPS files, or set BRENIER_NETLIB")
    files = {re.sub(r"\.mps(\.gz)?$", "", path.name): path for path in sorted(folder.glob("*.mps*"))}
    return folder, {name: path for name, path in files.items() if not chosen.only or chosen.only.search(name)}


def known_values(folder):
    """(status, objective) of the problems in the folder's table; infeasible ones have a dash for an objective."""
    table = folder / "optimal_values.tsv"
    if not table.is_file():
        return {}
    with open(table) as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    values = ((row["name"], row["status"], row["optimal_objective"]) for row in rows)
    return {name: (status, float(value) if status == "optimal" else None) for name, status, value in values}


def main():
    chosen = arguments()
    chosen.program = program.chosen(chosen.program)
    tables.counted = "least" if chosen.least else "median"
    microlp = (chosen.microlp or microlp_process.build()) if "microlp" in chosen.peers else None
    folder, files = problems(chosen)
    known = known_values(folder)
    facts = machine.facts(program.version(chosen.program), PACKAGES)
    machine.show(facts)
    machine.pin(1)
    solvers = ["ours", *chosen.peers]
    worker = Worker("lp.worker", 1)
    compared = comparison.Comparison(chosen.program, worker, microlp, chosen)
    results, faults = {}, []
    print(f"\n{chosen.method} simplex, presolve {'on' if chosen.presolve else 'off'}\n{tables.header(solvers)}")
    try:
        with tempfile.TemporaryDirectory() as neutral:
            for name, path in files.items():
                made = compared.measure(path, Path(neutral) / name, chosen.rounds)
                results[name] = made
                faults += comparison.faults(name, made, known.get(name))
                print(tables.line(name, made, solvers), flush=True)
    finally:
        compared.end()
    print("\n" + "\n".join(tables.summary(results, solvers)))
    print("\n".join(tables.required(results, MOST)))
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": facts, "problems": results}, indent=1) + "\n")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
