#!/usr/bin/env python3
"""Entropic transport: our command beside OTT-JAX, PyTorch, KeOps, JAX and POT, on the same files.

    bash benches/peers/setup.sh --large
    benches/peers/.venv/bin/python benches/peers/sinkhorn.py --suite iterations,tolerance [--quick]

The suites and what each requires are in sinkhorn/suites.py, the problems in sinkhorn/problems.py, what is called in
sinkhorn/ours.py, loops.py and solvers.py.

What is timed: for Brenier the solver alone, as the command says itself, without reading files; for the peers the call, in
a process of their own that holds the inputs and has compiled and run the same call before. The repetitions are
interleaved and medians are printed. Whatever has one thread is pinned to one core. Ratios above 1 mean that Brenier is
faster. In the suite tolerance every answer's error is computed anew from its potentials, in float64.
"""

import argparse
import json
import re
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from harness import machine, program
from harness.arguments import fractions, numbers, positive, words
from harness.processes import Failed, Worker
from sinkhorn import ours, problems, suites, tables
from sinkhorn.loops import LOOPS
from sinkhorn.solvers import SOLVERS

PACKAGES = ["numpy", "scipy", "POT", "jax", "ott-jax", "torch", "pykeops"]

METHODS = ["accelerated", "plain", "anderson"]

PEERS = list(LOOPS | SOLVERS)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--suite",
        type=words(suites.SUITES),
        default=["iterations"],
        help=f"of {', '.join(suites.SUITES)}, with commas (default iterations)",
    )
    parser.add_argument("--program", type=Path, help="the command to time (default: built from this checkout)")
    parser.add_argument("--sizes", type=numbers, help="instead of the suites' numbers of points n, with commas")
    parser.add_argument(
        "--epsilons", type=fractions, help="of the median cost, with commas, instead of the suite tolerance's"
    )
    parser.add_argument(
        "--precisions", type=words(["f32", "f64"]), default=["f32", "f64"], help="f32, f64 or both (default both)"
    )
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="with commas (default 1,2)")
    parser.add_argument("--repetitions", type=positive, help="of each call (default 5; tolerance and --quick 3)")
    parser.add_argument(
        "--peers", type=words(PEERS), default=PEERS, help=f"of {', '.join(PEERS)}, with commas (default all)"
    )
    parser.add_argument(
        "--methods",
        type=words(METHODS),
        default=METHODS[:2],
        help=f"ours in the suite tolerance, of {', '.join(METHODS)}; the ratios are about the first (default the first two)",
    )
    parser.add_argument("--only", type=re.compile, metavar="REGEX", help="only the cases whose name it is found in")
    parser.add_argument(
        "--cap",
        type=float,
        default=60.0,
        help="seconds that anyone may take to the tolerance; who does not converge counts with these (default 60)",
    )
    parser.add_argument(
        "--exhaustive",
        action="store_true",
        help="run a peer to the cap again where it has not converged for a larger epsilon of the same problem",
    )
    parser.add_argument("--peers-only", action="store_true", help="do not run ours")
    parser.add_argument("--quick", action="store_true", help="a small size of each suite: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    return parser.parse_args()


# A solution that took longer is not repeated.
LONG = 10.0


class Bench:
    """What lasts from case to case: the workers, and which peers have not converged."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.workers = {}
        self.stuck = {}

    def worker(self, case, threads):
        return self.workers.setdefault((threads, case.precision), Worker("sinkhorn.worker", threads))

    def end(self):
        for worker in self.workers.values():
            worker.end()

    def measure(self, case, threads, problem, folder):
        """Makes every call of a case on so many threads as often as is asked for, in turn."""
        chosen, epsilon = self.chosen, case.epsilon * problem.median_cost
        peers = suites.peers(case, chosen, threads, first=threads == chosen.threads[0])
        made = {}
        for name in peers:
            made[name] = self.prepare(name, case, threads, epsilon, folder)
        for _ in range(chosen.repetitions or (5 if case.suite == "iterations" and not chosen.quick else 3)):
            if not chosen.peers_only:
                self.run_ours(made, case, threads, problem, epsilon, folder)
            for name in peers:
                self.repeat(name, made[name], case, threads)
        self.worker(case, threads).forget()
        result = asdict(case) | {"name": case.name, "threads": threads, "load": machine.load(), "calls": made}
        if case.suite == "tolerance":
            result["largest_cost"] = float(problem.costs.max())
        return result

    def prepare(self, name, case, threads, epsilon, folder):
        """What is known of a peer before it is timed."""
        request = {"prepare": name, "suite": case.suite, "folder": str(folder), "epsilon": epsilon}
        if case.suite == "iterations":
            request |= {"iterations": suites.ITERATIONS, "budget": suites.BUDGET, "check": needs_costs(case)}
            patience = 10 * suites.BUDGET
        else:
            stuck = (name, case.kind, case.n, threads)
            if stuck in self.stuck and not self.chosen.exhaustive:
                return {"status": self.stuck[stuck], "carried": True, "seconds": []}
            request |= {"tolerance": suites.TOLERANCE, "cap": self.chosen.cap}
            # It may be run again with other thresholds.
            patience = 10 * self.chosen.cap
        try:
            told = self.worker(case, threads).ask(patience, **request)
        except Failed as reason:
            return {"failed": str(reason), "seconds": []}
        if case.suite == "iterations":
            return told | {"seconds": []}
        if told["status"] != "converged":
            self.stuck[stuck] = told["status"]
        return told | {"seconds": [told["seconds"]]}

    def repeat(self, name, made, case, threads):
        """Times a peer once more, unless that is of no use."""
        if "failed" in made or made.get("status", "converged") != "converged":
            return
        if case.suite == "tolerance" and made["seconds"][0] > LONG:
            return
        try:
            took = self.worker(case, threads).ask(self.chosen.cap, call=name)
        except Failed as reason:
            made["failed"] = str(reason)
            return
        each = made["iterations"] if case.suite == "iterations" else 1
        for unit in ("seconds", "cpu_seconds"):
            made.setdefault(unit, []).append(took[unit] / each)

    def run_ours(self, made, case, threads, problem, epsilon, folder):
        """Runs ours once more, in each of its methods."""
        chosen = self.chosen
        if case.suite == "iterations":
            said = ours.iterations(chosen.program, folder, case, epsilon, threads, suites.ITERATIONS)
            made.setdefault("ours", {"seconds": [], "said": said})["seconds"].append(said["seconds_per_iteration"])
            return
        for method in chosen.methods:
            before = made.get(method)
            if before and (before["status"] != "converged" or before["seconds"][0] > LONG):
                continue
            found = ours.tolerance(
                chosen.program, folder, problem, epsilon, threads, method, chosen.cap, suites.TOLERANCE
            )
            times = before["seconds"] if before else []
            made[method] = found | {"seconds": times + [found["seconds"]]}


def needs_costs(case):
    """Whether anyone reads the matrix of costs."""
    return case.suite == "tolerance" or case.kind == "dense" or case.n <= suites.LARGEST_DENSE


def run(suite, bench):
    """A suite's table. Gives its results, how many requirements are met, not met or not measured, and what is wrong."""
    chosen = bench.chosen
    results, counts, faults, said = [], {True: 0, False: 0, None: 0}, [], set()
    print(f"\n{suite}\n{tables.header(suite, chosen)}")
    for case in suites.cases(suite, chosen):
        try:
            problem = problems.problem(*case.problem)
        except problems.Missing as reason:
            if case.kind not in said:
                print(f"{case.kind}: skipped, {reason}", flush=True)
            said.add(case.kind)
            continue
        serial = None
        with tempfile.TemporaryDirectory() as folder:
            problem.save(folder, case.precision, needs_costs(case))
            for threads in chosen.threads:
                try:
                    result = bench.measure(case, threads, problem, Path(folder))
                except ours.NotSolved as reason:
                    # The other cases are still worth having.
                    print(f"{case.name}: NOT SOLVED", flush=True)
                    faults.append(f"{case.name}: {reason}")
                    break
                serial = serial or result
                results.append(result)
                print(tables.line(result, case, chosen, serial), flush=True)
                for _, met in tables.verdicts(result, case, chosen, serial):
                    counts[met] += 1
                faults += tables.faults(result, case, chosen)
    return results, counts, faults


def main():
    chosen = arguments()
    if not chosen.peers_only:
        chosen.program = program.chosen(chosen.program)
    facts = machine.facts(program.version(None if chosen.peers_only else chosen.program), PACKAGES)
    machine.show(facts)
    machine.pin(1)
    bench = Bench(chosen)
    results, faults, counts = [], [], {True: 0, False: 0, None: 0}
    try:
        for suite in chosen.suite:
            measured, verdicts, wrong = run(suite, bench)
            results += measured
            faults += wrong
            for verdict, count in verdicts.items():
                counts[verdict] += count
            if chosen.json:
                # After each suite, so that an interruption loses little.
                chosen.json.write_text(json.dumps({"machine": facts, "cases": results}, indent=1) + "\n")
    finally:
        bench.end()
    print(f"\nrequirements: {counts[True]} met, {counts[False]} NOT met, {counts[None]} not measured")
    for result in results:
        for name, made in result["calls"].items():
            if "failed" in made:
                print(f"{result['name']} on {result['threads']}: {name} failed: {made['failed']}")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
