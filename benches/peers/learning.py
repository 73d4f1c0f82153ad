#!/usr/bin/env python3
"""Training small models: our command beside PyTorch (eager and compiled), JAX and scikit-learn.

    bash benches/peers/setup.sh --large
    benches/peers/.venv/bin/python benches/peers/learning.py [--suite mlp,rbm,probe] [--quick]

The suites and what each requires are in learning/suites.py, the inputs in learning/problems.py, what is called in
learning/ours.py and peers.py.

What is timed: for Brenier the training alone, as the command says itself; for the peers the call, in a process of their own
that holds the inputs and has compiled and run the same call before. The repetitions are interleaved and medians are
printed. One thread is pinned to one core. Ratios above 1 mean that Brenier is faster.
"""

import argparse
import json
import re
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from harness import machine, program
from harness.arguments import numbers, positive, words
from harness.processes import Failed, Worker
from learning import ours, problems, suites, tables
from learning.peers import NAMES

PACKAGES = ["numpy", "torch", "jax", "optax", "scikit-learn"]

# Seconds that a call of a peer may take, the compilation aside.
LONGEST = 300


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--suite",
        type=words(suites.SUITES),
        default=suites.SUITES,
        help=f"of {', '.join(suites.SUITES)}, with commas (default all)",
    )
    parser.add_argument("--program", type=Path, help="the command to time (default: built from this checkout)")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="with commas (default 1,2)")
    parser.add_argument("--repetitions", type=positive, help="of each call (default 7; --quick 3)")
    parser.add_argument(
        "--peers", type=words(NAMES), default=NAMES, help=f"of {', '.join(NAMES)}, with commas (default all)"
    )
    parser.add_argument("--only", type=re.compile, metavar="REGEX", help="only the cases whose name it is found in")
    parser.add_argument("--peers-only", action="store_true", help="do not run ours")
    parser.add_argument("--quick", action="store_true", help="small cases: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    return parser.parse_args()


def measure(case, threads, folder, worker, chosen):
    """Makes every call of a case on so many threads as often as is asked for, in turn."""
    made = {}
    for name in suites.peers(case, chosen):
        request = {"prepare": name, "case": asdict(case), "folder": str(folder)}
        made[name] = asked(worker, request) | {"seconds": []}
    for repetition in range(chosen.repetitions or (3 if chosen.quick else 7)):
        if not chosen.peers_only:
            run_ours(made, case, threads, folder, repetition, chosen)
        for name in suites.peers(case, chosen):
            if "failed" in made[name]:
                continue
            took = asked(worker, {"call": name})
            made[name] |= {"failed": took["failed"]} if "failed" in took else {}
            for unit in ("seconds", "cpu_seconds"):
                if unit in took:
                    made[name].setdefault(unit, []).append(took[unit] / (case.steps if case.suite == "mlp" else 1))
        if case.flops and "torch" in chosen.peers:
            took = asked(worker, {"product": asdict(case)})
            made.setdefault("torch product", {"seconds": []})["seconds"] += [took["seconds"]] if "seconds" in took else []
    asked(worker, {"forget": True})
    return asdict(case) | {"name": case.name, "threads": threads, "load": machine.load(), "calls": made}


def asked(worker, request):
    """The worker's answer, or why there is none."""
    try:
        return worker.ask(LONGEST, **request)
    except Failed as reason:
        return {"failed": str(reason)}


def run_ours(made, case, threads, folder, repetition, chosen):
    """Runs ours once more, and our product."""
    found = ours.train(chosen.program, case, folder, threads, repetition)
    own = made.setdefault("ours", {"seconds": [], "values": []})
    own["seconds"].append(found["seconds"])
    own["values"].append(found["value"])
    if case.suite != "mlp":
        # On the peers' inputs. Those of the network are other ones in each repetition.
        own["value"] = found["value"]
    if case.flops:
        took = ours.product(chosen.program, case, threads)
        made.setdefault("product", {"seconds": []})["seconds"].append(took)


def run(suite, chosen, workers):
    """A suite's table. Gives its results, how many requirements are met, not met or not measured, and what is wrong."""
    results, counts, faults = [], {True: 0, False: 0, None: 0}, []
    print(f"\n{tables.header(suite, chosen)}")
    for case in suites.cases(suite, chosen):
        serial = None
        with tempfile.TemporaryDirectory() as folder:
            problems.write(case, folder)
            for threads in chosen.threads:
                worker = workers.setdefault(threads, Worker("learning.worker", threads))
                try:
                    result = measure(case, threads, Path(folder), worker, chosen)
                except ours.NotTrained as reason:
                    # The other cases are still worth having.
                    print(f"{case.name}: NOT TRAINED", flush=True)
                    faults.append(f"{case.name}: {reason}")
                    break
                serial = serial or result
                results.append(result)
                print(tables.line(result, case, chosen, serial), flush=True)
                for _, met in tables.verdicts(result, case, serial):
                    counts[met] += 1
                faults += tables.faults(result, case, serial)
    return results, counts, faults


def main():
    chosen = arguments()
    if not chosen.peers_only:
        chosen.program = program.chosen(chosen.program)
    facts = machine.facts(program.version(None if chosen.peers_only else chosen.program), PACKAGES)
    machine.show(facts)
    machine.pin(1)
    workers = {}
    results, faults, counts = [], [], {True: 0, False: 0, None: 0}
    try:
        for suite in chosen.suite:
            measured, verdicts, wrong = run(suite, chosen, workers)
            results += measured
            faults += wrong
            for verdict, count in verdicts.items():
                counts[verdict] += count
            if chosen.json:
                # After each suite, so that an interruption loses little.
                chosen.json.write_text(json.dumps({"machine": facts, "cases": results}, indent=1) + "\n")
    finally:
        for worker in workers.values():
            worker.end()
    print(f"\nrequirements: {counts[True]} met, {counts[False]} NOT met, {counts[None]} not measured")
    for result in results:
        for name, made in result["calls"].items():
            if "failed" in made:
                print(f"{result['name']} on {result['threads']}: {name} failed: {made['failed']}")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
