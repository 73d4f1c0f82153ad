"""A process that times peers' calls, on so many threads as it was started for: `python -m sinkhorn.worker`.

A request holds:

- {"prepare": name, "suite": ..., "folder": ..., "epsilon": ..., ...}: makes a call ready and runs it until it is warm.
  Answers with what is known of it.
- {"call": name}: runs it. Answers with its seconds, and those of the processor.
- {"forget": true}: forgets all that was prepared.
"""

import gc
import time
from pathlib import Path

from harness.serving import serve, timed
from sinkhorn.check import check
from sinkhorn.loops import LOOPS, Inputs
from sinkhorn.solvers import SOLVERS, until

# Iterations that measure the time of one.
CALIBRATION = 2


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


if __name__ == "__main__":
    serve(answer)
