"""A run over files: every solver on each of them, in turn, and what its answers are worth."""

from lp import ours
from lp.microlp_process import Microlp

# Relative difference from which on two objectives are two.
TOLERANCE = 1e-6

# What a time of a millisecond says less about than one of a second: the shift of the geometric mean, in seconds.
SHIFT = 0.01

SOLVERS = ["ours", "highs", "microlp"]


class Comparison:
    """Which solvers there are, and how they solve."""

    def __init__(self, program, worker, microlp, chosen):
        self.program = program
        self.worker = worker
        self.microlp = Microlp(microlp, chosen.presolve, chosen.limit) if microlp else None
        self.how = {"method": chosen.method, "presolve": chosen.presolve, "limit": chosen.limit}
        self.repetitions = chosen.repetitions
        self.peers = chosen.peers

    def measure(self, path, neutral, rounds):
        """The answers of each solver for a file, with all their times."""
        made = {}
        for _ in range(rounds):
            for name, solve in self.solvers(path, neutral).items():
                if "failed" in made.get(name, {}):
                    continue
                kept = made.setdefault(name, {}).get("all_seconds", [])
                try:
                    found = solve()
                except Exception as reason:  # noqa: BLE001  (a solver that fails is a result, too)
                    made[name]["failed"] = f"{type(reason).__name__}: {reason}"[:300]
                    continue
                made[name] = found | {"all_seconds": kept + found["all_seconds"]}
        return made

    def solvers(self, path, neutral):
        solvers = {}
        if self.program:
            solvers["ours"] = lambda: ours.solve(self.program, [path], self.repetitions, **self.how)[0]
        if "highs" in self.peers:
            seconds = self.how["limit"] * (self.repetitions + 1)
            request = {"solve": str(path), "repetitions": self.repetitions, **self.how}
            solvers["highs"] = lambda: self.worker.ask(seconds, **request)
        if "microlp" in self.peers:
            solvers["microlp"] = lambda: self.solve_with_microlp(path, neutral)
        return solvers

    def solve_with_microlp(self, path, neutral):
        if not neutral.exists():
            # HiGHS reads the file for it.
            self.worker.ask(0, neutral=str(path), to=str(neutral))
        found = self.microlp.solve(neutral)
        taken = [found["seconds"]] if self.repetitions == 1 and found["seconds"] > 1 else []
        while len(taken) < self.repetitions:
            found = self.microlp.solve(neutral)
            taken.append(found["seconds"])
        return found | {"all_seconds": taken}

    def end(self):
        for process in (self.worker, self.microlp):
            if process:
                process.end()


def differ(a, b):
    """The relative difference of two objectives."""
    return abs(a - b) / max(1.0, abs(a), abs(b))


def faults(name, made, known):
    """What is wrong with our answer, in words. `known` is (status, objective) or None."""
    own = made.get("ours")
    if own is None:
        return
    if "failed" in own:
        yield f"{name}: ours failed: {own['failed']}"
        return
    peer = made.get("highs", {})
    references = {"HiGHS": (peer["status"], peer["objective"])} if "status" in peer else {}
    if known:
        references["known"] = known
    for who, (status, objective) in references.items():
        if status not in ("optimal", "infeasible", "unbounded", "unbounded_or_infeasible"):
            continue
        same = own["status"] == status or status == "unbounded_or_infeasible" and own["status"] in ("unbounded", "infeasible")
        if not same:
            yield f"{name}: ours is {own['status']}, {who} {status}"
        elif status == "optimal" and not differ(own["objective"], objective) <= TOLERANCE:
            yield f"{name}: our objective is {own['objective']!r}, {who} {objective!r}"
