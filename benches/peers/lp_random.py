#!/usr/bin/env python3
"""Thousands of random small linear programs: do our simplex and that of HiGHS agree?

    bash benches/peers/setup.sh
    benches/peers/.venv/bin/python benches/peers/lp_random.py [--count 10000] [--seed 1] [--keep FOLDER]

Each program (lp/small.py) is solved by ours in several ways: dual and primal, with and without presolve, and by HiGHS. Where
anyone says something else than HiGHS, the program is solved in rational numbers (lp/exact.py), which says who is right. Programs on
which ours is wrong are kept, and make the script fail.
"""

import argparse
import collections
import json
import sys
import tempfile
from pathlib import Path

from harness import machine, program
from harness.arguments import positive
from harness.processes import Worker
from lp import exact, ours, small
from lp.comparison import TOLERANCE, differ
from lp.program import write_mps

# So many programs are handed over at a time.
BATCH = 500

WAYS = {
    "dual": {},
    "primal": {"method": "primal"},
    "dual, presolve": {"presolve": True},
    "primal, presolve": {"method": "primal", "presolve": True},
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=positive, default=10_000, help="of programs (default 10000)")
    parser.add_argument("--seed", type=int, default=1, help="of the first one; the others follow (default 1)")
    parser.add_argument("--program", type=Path, help="the command (default: built from this checkout)")
    parser.add_argument("--limit", type=float, default=20, help="seconds that a solve may take (default 20)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what ours is wrong on there")
    parser.add_argument("--every", action="store_true", help="solve every program in rational numbers")
    return parser.parse_args()


def solve_all(command, paths, how, limit):
    """Our answers; where the command ends early, one file at a time to find out on which."""
    try:
        return ours.solve(command, paths, 1, limit=limit, **how)
    except ours.NotSolved as reason:
        if len(paths) == 1:
            return [{"status": f"no answer: {str(reason)[-200:]}", "objective": None}]
        return [solve_all(command, [path], how, limit)[0] for path in paths]


def agrees(answer, reference):
    """Whether an answer has the reference's status and value."""
    if answer["status"] != reference["status"]:
        return False
    return answer["status"] != "optimal" or differ(answer["objective"], reference["objective"]) <= TOLERANCE


def shown(answer):
    value = f" {answer['objective']!r}" if answer["status"] == "optimal" else ""
    return answer["status"] + value


def main():
    chosen = arguments()
    command = program.chosen(chosen.program)
    machine.show(machine.facts(program.version(command), ["highspy"]))
    worker = Worker("lp.worker", 1)
    statuses, wrong, judged = collections.Counter(), collections.Counter(), 0
    faults = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            for first in range(chosen.seed, chosen.seed + chosen.count, BATCH):
                seeds = range(first, min(first + BATCH, chosen.seed + chosen.count))
                programs = {seed: small.make(seed) for seed in seeds}
                paths = {seed: Path(folder) / f"random-{seed}.mps" for seed in seeds}
                for seed, path in paths.items():
                    write_mps(programs[seed], path, f"random-{seed}")
                files = list(paths.values())
                request = {"method": "dual", "presolve": False, "limit": chosen.limit}
                theirs = worker.ask(chosen.limit, statuses=list(map(str, files)), **request)["answers"]
                answers = {way: solve_all(command, files, how, chosen.limit) for way, how in WAYS.items()}
                for place, seed in enumerate(seeds):
                    found = {"HiGHS": theirs[place]} | {way: answers[way][place] for way in WAYS}
                    reference = found["HiGHS"]
                    if chosen.every or not all(agrees(answer, reference) for answer in found.values()):
                        judged += 1
                        status, value = exact.solve(programs[seed])
                        reference = {"status": status, "objective": None if value is None else float(value)}
                    statuses[reference["status"]] += 1
                    mistaken = {who: answer for who, answer in found.items() if not agrees(answer, reference)}
                    wrong.update(mistaken.keys())
                    for who, answer in mistaken.items():
                        if who != "HiGHS":
                            faults.append(f"random-{seed} ({who}): {shown(answer)}, in truth {shown(reference)}")
                    if chosen.keep and mistaken.keys() - {"HiGHS"}:
                        chosen.keep.mkdir(parents=True, exist_ok=True)
                        (chosen.keep / paths[seed].name).write_text(paths[seed].read_text())
                        said = {"truth": reference} | found
                        (chosen.keep / f"random-{seed}.json").write_text(json.dumps(said, indent=1) + "\n")
                for path in files:
                    path.unlink()
                print(f"{seeds[-1] - chosen.seed + 1} programs, {len(faults)} faults", flush=True)
    finally:
        worker.end()
    print(f"\n{chosen.count} programs: {', '.join(f'{count} {status}' for status, count in statuses.most_common())}")
    print(f"solved in rational numbers: {judged}")
    for who in ["HiGHS", *WAYS]:
        print(f"{who:<18} wrong on {wrong[who]}")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
