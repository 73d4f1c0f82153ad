"""A process that times HiGHS: `python -m lp.worker`.

A request holds:

- {"solve": path, "method": ..., "presolve": ..., "limit": seconds or null, "repetitions": n}: n solves of an MPS file. A first one that is
  not counted goes before them, unless n is 1 and that one took longer than a second. Answers with "all_seconds", the status, the objective and the steps.
- {"neutral": path, "to": path}: writes the program of an MPS file for microlp.
- {"statuses": [path, ...], ...}: the status and the objective of each, from one solve.
"""

from harness.serving import serve
from lp import highs, program

LONG = 1.0


def answer(request, _):
    if "neutral" in request:
        program.write_neutral(highs.program_of(highs.solver(request["neutral"])), request["to"])
        return {}
    how = {name: request[name] for name in ("method", "presolve")}
    limit = request["limit"]
    if "statuses" in request:
        return {"answers": [highs.solve(highs.solver(path, **how), limit) for path in request["statuses"]]}
    model = highs.solver(request["solve"], **how)
    found = highs.solve(model, limit)
    taken = [found["seconds"]] if request["repetitions"] == 1 and found["seconds"] > LONG else []
    while len(taken) < request["repetitions"]:
        found = highs.solve(model, limit)
        taken.append(found["seconds"])
    return found | {"all_seconds": taken}


if __name__ == "__main__":
    serve(answer)
