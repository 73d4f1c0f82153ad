"""A process that times peers' calls, on so many threads as it was started for: `python -m sinkhorn.worker`.

It reads one JSON object a line and answers with one. A request holds:

- {"prepare": name, "suite": ..., "folder": ..., "epsilon": ..., ...}: makes a call ready and runs it until it is warm.
  Answers with what is known of it.
- {"call": name}: runs it. Answers with its seconds, and those of the processor.
- {"forget": true}: forgets all that was prepared.

What goes wrong is answered with {"failed": reason}.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path

from sinkhorn.check import check
from sinkhorn.loops import LOOPS, Inputs
from sinkhorn.solvers import SOLVERS, until

# Iterations that measure the time of one.
CALIBRATION = 2


def timed(call):
    """Its seconds, and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def prepare_loop(inputs, request):
    """As many iterations as are asked for, or fewer if the call would take more than `budget` seconds."""
    loop = LOOPS[request["prepare"]]
    start = loop(inputs, CALIBRATION)
    first = timed(start)[0]
    pace = timed(start)[0] / CALIBRATION
    count = max(1, min(request["iterations"], int(request["budget"] / pace)))
    call = loop(inputs, count)
    _, (log_rows, log_columns) = timed(call)
    told = {"iterations": count, "first_seconds": first}
    if request["check"]:
        told["error"] = check(log_rows, log_columns, inputs.costs, inputs.epsilon, *inputs.masses).error
    return call, told


def prepare_solver(inputs, request):
    return until(SOLVERS[request["prepare"]], inputs, request["tolerance"], request["cap"], timed)


def answer(request, prepared):
    if "prepare" in request:
        inputs = Inputs(Path(request["folder"]), request["epsilon"])
        make = prepare_loop if request["suite"] == "iterations" else prepare_solver
        prepared[request["prepare"]], told = make(inputs, request)
        return told
    if "call" in request:
        # On a busy machine the processor's seconds say more than the clock's, where there is one thread.
        before = time.process_time()
        seconds = timed(prepared[request["call"]])[0]
        return {"seconds": seconds, "cpu_seconds": time.process_time() - before}
    prepared.clear()
    gc.collect()
    return {}


def serve(requests, answers):
    prepared = {}
    for line in requests:
        try:
            told = answer(json.loads(line), prepared)
        except Exception as reason:  # noqa: BLE001  (a peer that fails is a result, too)
            told = {"failed": f"{type(reason).__name__}: {reason}"[:300]}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    # What the libraries print must not come between the answers.
    to_parent = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, to_parent)
