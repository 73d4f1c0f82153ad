#!/usr/bin/env python3
"""Larger linear programs of our own making: our simplex beside that of HiGHS.

    bash benches/peers/setup.sh
    benches/peers/.venv/bin/python benches/peers/lp_generate.py [--kinds KIND,…] [--seeds 1,2] [--quick] [--keep FOLDER]

The kinds are in lp/kinds.py; most have 10,000 rows or more. What is timed is what lp.py times: the solve from the program in
memory, on one thread, without presolve unless it is asked for. A ratio above 1 means that Brenier is slower.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from harness import machine, program
from harness.arguments import numbers, positive, words
from harness.processes import Worker
from lp import comparison, kinds, tables
from lp.program import write_mps

# What is required of ours.
MOST = {"each": 5, "slack": 0.0}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = list(kinds.KINDS)
    parser.add_argument("--kinds", type=words(known), default=known, help=f"of {', '.join(known)} (default all)")
    parser.add_argument("--seeds", type=numbers, default=[1], help="with commas (default 1)")
    parser.add_argument("--program", type=Path, help="the command to time (default: built from this checkout)")
    parser.add_argument("--rounds", type=positive, default=1, help="how often the solvers take turns (default 1)")
    parser.add_argument("--repetitions", type=positive, default=1, help="solves in a turn (default 1)")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a solve may take (default 300)")
    parser.add_argument("--primal", dest="method", action="store_const", const="primal", default="dual")
    parser.add_argument("--presolve", action="store_true", help="of both")
    parser.add_argument("--quick", action="store_true", help="small ones: does it run?")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the MPS files there")
    parser.add_argument("--only-write", action="store_true", help="write the files (--keep) and solve nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    chosen = parser.parse_args()
    chosen.peers = ["highs"]
    return chosen


def main():
    chosen = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        files = {}
        for name in chosen.kinds:
            for seed in chosen.seeds:
                files[f"{name}-{seed}"] = folder / f"{name}-{seed}.mps"
                write_mps(kinds.make(name, seed, chosen.quick), files[f"{name}-{seed}"], name)
        if not chosen.only_write:
            compare(files, chosen)


def compare(files, chosen):
    chosen.program = program.chosen(chosen.program)
    facts = machine.facts(program.version(chosen.program), ["highspy"])
    machine.show(facts)
    machine.pin(1)
    compared = comparison.Comparison(chosen.program, Worker("lp.worker", 1), None, chosen)
    solvers = ["ours", "highs"]
    results, faults = {}, []
    print(f"\n{chosen.method} simplex, presolve {'on' if chosen.presolve else 'off'}\n{tables.header(solvers)}", flush=True)
    try:
        for name, path in files.items():
            made = compared.measure(path, None, chosen.rounds)
            results[name] = made
            faults += comparison.faults(name, made, None)
            print(tables.line(name, made, solvers), flush=True)
            if chosen.json:
                chosen.json.write_text(json.dumps({"machine": facts, "problems": results}, indent=1) + "\n")
    finally:
        compared.end()
    print("\n" + "\n".join(tables.required(results, MOST)))
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
