#!/usr/bin/env python3
"""Steps of a generator with the Sinkhorn loss: ours beside PyTorch (eager, and with compiled iterations) and JAX (jit), on the same inputs.

    bash benches/peers/setup.sh --large
    benches/peers/.venv/bin/python benches/peers/generator.py [--threads 1,2] [--json FILE]

The generators are those of exercise 13 (generator/cases.py), the peers' steps in generator/steps.py, ours in benches/generator.rs. All begin with the same weights, noise
and data, make 100 iterations, and minimise <P, C>. The losses of the first twenty steps are compared; then blocks of ten steps are timed, each
library in a process of its own. Medians and, for a machine that is not quiet, minima over the blocks are printed in milliseconds a step. Ratios above 1 mean that ours is faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from generator.cases import CASES, REQUIRED, WAYS
from harness import machine, program
from harness.arguments import numbers, words
from harness.figures import verdict

PACKAGES = ["numpy", "jax", "torch"]
PEERS = ["torch_eager", "torch_compiled", "jax"]

# Single precision rounds exponents to EPS C/ε, and steps of Adam carry differences on.
TOLERANCE = {"blobs": 2e-2, "digits": 5e-2}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, help="the built bench (default: built from this checkout)")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="with commas (default 1,2)")
    parser.add_argument("--cases", type=words(CASES), default=list(CASES), help="with commas (default all)")
    parser.add_argument("--ways", type=words(WAYS), default=WAYS, help="with commas (default all)")
    parser.add_argument("--peers", type=words(PEERS), default=PEERS, help="with commas (default all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times there")
    return parser.parse_args()


def build():
    """The bench of this checkout, optimised."""
    told = subprocess.run(
        ["cargo", "bench", "--bench", "generator", "--no-run", "--message-format", "json"],
        cwd=program.ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    messages = [json.loads(line) for line in told.stdout.splitlines()]
    return [message["executable"] for message in messages if message.get("executable")][-1]


def on_cores(command, threads):
    """What a command prints, on so many cores."""
    machine.pin(threads)
    count = str(threads)
    environment = os.environ | {"RAYON_NUM_THREADS": count, "PEER_THREADS": count}
    environment |= {name: count for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    finished = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, env=environment, text=True)
    machine.pin(1)
    if finished.returncode != 0:
        return None
    return json.loads(finished.stdout.splitlines()[-1])


def main():
    chosen = arguments()
    executable = chosen.program or build()
    facts = machine.facts(str(executable), PACKAGES)
    machine.show(facts)
    worker = Path(__file__).parent / "generator" / "worker.py"
    results, faults = [], []
    print("case   way      threads library         median ms   least ms   /ours (median, least)   required")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES.values():
            case.save(Path(folder))
        for threads in chosen.threads:
            ours = on_cores([executable, "--peers", folder], threads)
            for name in chosen.cases:
                for way in chosen.ways:
                    own = next(made for made in ours if (made["case"], made["way"]) == (name, way))
                    for library in ["ours", *chosen.peers]:
                        made = own if library == "ours" else on_cores([sys.executable, worker, library, name, way, folder, threads], threads)
                        if made is None:
                            faults.append(f"{library} {name} {way} on {threads}: failed")
                            continue
                        results.append({"library": library, "threads": threads, "case": name, "way": way} | made)
                        print(line(library, threads, name, way, made, own), flush=True)
                        faults += differing(library, name, way, made, own)
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")
    if faults:
        sys.exit("\n".join(faults))


def line(library, threads, name, way, made, own):
    median, least = statistics.median(made["seconds"]), min(made["seconds"])
    text = f"{name:6} {way:8} {threads:7} {library:15} {1e3 * median:9.3f} {1e3 * least:10.3f}"
    if library == "ours":
        return text
    ratios = [median / statistics.median(own["seconds"]), least / min(own["seconds"])]
    text += f"   {ratios[0]:9.2f} {ratios[1]:8.2f}"
    required = REQUIRED.get((name, way), {}).get(library)
    return text if required is None else f"{text}        {required}: {verdict(ratios[0] >= required)}"


def differing(library, name, way, made, own):
    """What is wrong with the losses of the first steps, if anything."""
    for step, (theirs, ours) in enumerate(zip(made["losses"], own["losses"])):
        if not abs(theirs - ours) <= TOLERANCE[name] * abs(theirs):
            return [f"{library} {name} {way}: the loss of step {step} is {theirs}, ours {ours}"]
    return []


if __name__ == "__main__":
    main()
